"""A host whose home is a small disk of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from tests.small_disk import SmallDisk, on_small_disk
from tests.story.process import PROGRAM, Child, running

MIB = 1 << 20
SIZE = 24
"""MiB of the disk."""


@contextlib.asynccontextmanager
async def small_home(home: Path, *arguments: str) -> AsyncIterator[tuple[Child, SmallDisk]]:
    """A host that runs on a home of 24 MiB."""
    home.mkdir()
    command = on_small_disk(home, PROGRAM, "serve", "--home", home, "--port", "0", *arguments, mib=SIZE)
    async with running(command, home.with_suffix(".log")) as host:
        yield host, SmallDisk(home, host.process.pid)


def staged(disk: SmallDisk) -> list[str]:
    """What is half-done in the store."""
    return sorted(path.name for path in (disk.place / "store" / "staging").iterdir())
