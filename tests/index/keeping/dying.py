"""An upload whose process kills itself at one moment of it.

python dying.py HOME MOMENT     MOMENT: before or after, and sync, keep or commit
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from plugin_index.shelf import Shelf
from plugin_index.storage import Blobs, Rows, Storage
from plugin_index.storage.home import Home
from tests.index.keeping.homes import TWO, described

T = TypeVar("T")


class Dying:
    """A storage that kills the process at that moment."""

    def __init__(self, storage: Storage, moment: str) -> None:
        self._storage, self._moment = storage, moment
        self.blobs: Blobs = storage.blobs
        for name in ("sync", "keep"):
            setattr(self.blobs, name, self._around(name, getattr(self.blobs, name)))

    async def read(self, job: Callable[[Rows], T]) -> T:
        return await self._storage.read(job)

    async def write(self, job: Callable[[Rows], T]) -> T:
        answer = await self._storage.write(lambda rows: self._around("commit", lambda: None, after=job(rows))())
        self._die("after commit")
        return answer

    def _around(self, name: str, done: Callable[..., None], after: T | None = None) -> Callable[..., T]:
        def do(*arguments: object) -> T:
            self._die(f"before {name}")
            done(*arguments)
            if name != "commit":
                self._die(f"after {name}")
            return after  # type: ignore[return-value]  # what is kept and synced answers nothing

        return do

    def _die(self, moment: str) -> None:
        if moment == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(home: Path, moment: str) -> None:
    async with Home.opened(home) as storage, Shelf.over(Dying(storage, moment)) as shelf:
        upload = shelf.blobs.incoming()
        upload.write_bytes(TWO.data)
        file, metadata = described(TWO)
        await shelf.keep(upload, file, metadata, "192.0.2.1")


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
