"""Eight loads at a time, but a slow one gives its place up: a plugin that hangs must not hold up the others."""

from __future__ import annotations

import asyncio
from types import TracebackType

PLACES = 8
PATIENCE = 1.0
"""Seconds after which a load no longer counts."""


class Gate:
    """A semaphore whose places come free by themselves after a while; `async with gate:` around one load."""

    def __init__(self, places: int = PLACES, patience: float = PATIENCE) -> None:
        self._places, self._patience = asyncio.Semaphore(places), patience
        self._held: dict[asyncio.Task[object] | None, asyncio.TimerHandle] = {}

    async def __aenter__(self) -> None:
        await self._places.acquire()
        task = asyncio.current_task()
        self._held[task] = asyncio.get_running_loop().call_later(self._patience, self._give_up, task)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._give_up(asyncio.current_task())

    def _give_up(self, task: asyncio.Task[object] | None) -> None:
        if timer := self._held.pop(task, None):
            timer.cancel()
            self._places.release()
