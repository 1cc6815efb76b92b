"""A directory that is a small disk of its own, which can be filled up and made read-only: a mount namespace of one process."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_ROOT = os.geteuid() == 0
_PROJECT = Path(__file__).parents[1]


class SmallDisk:
    """The directory as a process with that id sees it, from outside of its namespace."""

    def __init__(self, place: Path, pid: int) -> None:
        self._inner, self._pid = str(place), pid
        self.place = Path(f"/proc/{pid}/root{place}")

    def fill(self, *, leave: int = 0) -> None:
        """Leave that many bytes of room."""
        with contextlib.suppress(OSError), (self.place / "filling").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        if leave:
            os.truncate(self.place / "filling", max(0, (self.place / "filling").stat().st_size - leave))

    def free(self) -> None:
        """There is room again."""
        (self.place / "filling").unlink()

    def forbid_writing(self) -> None:
        """It is read-only for whatever is opened from now on."""
        for mount in (["mount", "--bind", self._inner, self._inner], ["mount", "-o", "remount,ro,bind", self._inner]):
            subprocess.run(self.inside(*mount), check=True, timeout=60)

    def inside(self, *command: str | Path) -> list[str]:
        """The command where the directory is what the process sees."""
        user = [] if _ROOT else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self._pid), "--mount", *user, *map(str, command)]


def on_small_disk(place: Path, *command: str | Path, mib: int, read_only: bool = False) -> list[str]:
    """The command where the place is an empty file system of that size; skips where the kernel refuses one."""
    if (refusal := _refusal()) is not None:
        pytest.skip(f"no mount namespace can be had here: {refusal}")
    mounts = [f'mount -t tmpfs -o size={mib}m tmpfs "$0"', *(['mount -o remount,ro "$0"'] if read_only else [])]
    return [*_unshare(), "sh", "-c", " && ".join([*mounts, 'exec "$@"']), str(place), *map(str, command)]


async def said_on_small_disk(place: Path, program: Path, *arguments: str | Path, mib: int) -> Any:
    """The JSON that a Python program prints, whose first argument is the place."""
    command = on_small_disk(place, sys.executable, program, place, *arguments, mib=mib)
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=os.environ | {"PYTHONPATH": str(_PROJECT)})
    out, err = await child.communicate()
    assert child.returncode == 0, err.decode()
    return json.loads(out)


@functools.cache
def _refusal() -> str | None:
    """Why there is no such thing here; None: there is."""
    if shutil.which("unshare") is None or shutil.which("nsenter") is None:
        return "there is no unshare or no nsenter on this machine"
    tried = subprocess.run([*_unshare(), "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True, text=True, check=False, timeout=60)
    return tried.stderr.strip() if tried.returncode else None


def _unshare() -> list[str]:
    return ["unshare", "--mount", *([] if _ROOT else ["--map-root-user"])]
