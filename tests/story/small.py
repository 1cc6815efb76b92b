"""A host whose home is a small disk of its own, which can be filled up and made read-only: a mount namespace of one process."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.story.process import PROGRAM, Child, running

MIB = 1 << 20
_ROOT = os.geteuid() == 0


class SmallDisk:
    """The home of a host, from outside of its namespace."""

    def __init__(self, home: Path, host: Child) -> None:
        self.host = host
        self.home = Path(f"/proc/{host.process.pid}/root{home}")

    def fill(self) -> None:
        """Leave no room at all."""
        with contextlib.suppress(OSError), (self.home / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """There is room again."""
        (self.home / "filling").unlink()

    def forbid_writing(self) -> None:
        """The home is read-only for whatever is opened from now on."""
        home = str(self.home).partition("/root")[2]
        self._inside("mount", "--bind", home, home)
        self._inside("mount", "-o", "remount,ro,bind", home)

    def staged(self) -> list[str]:
        """What is half-done in the store."""
        return sorted(path.name for path in (self.home / "store" / "staging").iterdir())

    def _inside(self, *command: str) -> None:
        user = [] if _ROOT else ["--user", "--preserve-credentials"]
        subprocess.run(["nsenter", "--target", str(self.host.process.pid), "--mount", *user, *command], check=True, timeout=60)


@contextlib.asynccontextmanager
async def small_disk(home: Path, *arguments: str) -> AsyncIterator[SmallDisk]:
    """A host that runs on a home of 24 MiB."""
    home.mkdir()
    command = inside(home, f'exec "{PROGRAM}" serve --home "{home}" --port 0 {" ".join(arguments)}')
    async with running(command, home.with_suffix(".log")) as host:
        yield SmallDisk(home, host)


def inside(home: Path, script: str) -> list[str]:
    """A command that runs the script where the home is a file system of 24 MiB; skips where the kernel refuses one."""
    command = [*_unshare(), "sh", "-c"]
    mount = f'mount -t tmpfs -o size=24m tmpfs "{home}"'
    tried = subprocess.run([*command, mount], capture_output=True, text=True, check=False, timeout=60)
    if tried.returncode:
        pytest.skip(f"the kernel allows no mount namespace: {tried.stderr.strip()}")
    return [*command, f"{mount} && {script}"]


def _unshare() -> list[str]:
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("there is no unshare or no nsenter on this machine")
    return ["unshare", "--mount", *([] if _ROOT else ["--map-root-user"])]
