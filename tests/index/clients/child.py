"""A client as a child process that finds nothing of this machine: its own home, no configuration, no way out but 127.0.0.1."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.index.program import PATIENCE

NOWHERE = "http://127.0.0.1:9"
"""A proxy that nobody runs: what a client asks of any other machine fails at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A client that has ended: its exit status and all that it printed."""

    status: int
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where somebody works with a client: a folder, which is its home, and what else the environment says."""

    folder: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    def beside(self, name: str) -> Desk:
        """Another home, with the same environment otherwise."""
        return replace(self, folder=self.folder / name)

    async def run(self, *command: str | Path, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> Ended:
        """Run a client to its end."""
        self.folder.mkdir(parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=cwd or self.folder,
            env=_bare(self.folder) | dict(self.environ) | dict(environ or {}),
        )
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate()
        return Ended(status=process.returncode or 0, said=said.decode(errors="replace"))


def _bare(home: Path) -> dict[str, str]:
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), NOWHERE)
    return proxies | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "COLUMNS": "400",
    }
