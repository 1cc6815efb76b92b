"""One job at a time on this machine, however many processes share a home: the kernel ends a dead process's turn."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from plughost.store.disk import is_at, lock_now
from plughost.store.threads import Threads

_PATIENCE = 0.05
"""Seconds between two looks at a turn that another has."""


@contextlib.asynccontextmanager
async def turn(path: Path, threads: Threads) -> AsyncIterator[None]:
    """Entered while nobody else on this machine is inside with the same path; no thread waits, no file stays behind."""
    claim = _Claim(path)
    try:
        while not await threads.run(claim.take):  # noqa: ASYNC110 - no event reaches us from another process
            await asyncio.sleep(_PATIENCE)
        yield
    finally:
        await threads.run(claim.give)


class _Claim:
    """A lock file that is ours or not yet; whoever is cancelled while a thread takes it still gives it back."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._handle: int | None = None

    def take(self) -> bool:
        with self._mutex:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            if lock_now(handle) and is_at(handle, self._path):
                self._handle = handle
                return True
            os.close(handle)
            return False

    def give(self) -> None:
        with self._mutex:
            if self._handle is None:
                return
            self._path.unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None
