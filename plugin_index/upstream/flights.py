"""Single flight: whoever asks for what is being done already waits for that, and gets its outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from plughost.errors import HostStopping

T = TypeVar("T")


class Flights(Generic[T]):
    """Jobs that run, by key. One goes on when its asker is gone: the next one wants what it brings."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[T]] = {}

    async def run(self, key: str, job: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the job for this key answers or raises; it is begun where none runs."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.get_running_loop().create_task(job())
            task.add_done_callback(lambda done: self._landed(key, done))
        await asyncio.wait({task})
        if task.cancelled():
            raise HostStopping
        return task.result()

    async def close(self) -> None:
        """Cancel what runs, and wait for its end."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _landed(self, key: str, task: asyncio.Task[T]) -> None:
        del self._running[key]
        if not task.cancelled():
            task.exception()  # who asked may be gone
