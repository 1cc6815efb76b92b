"""The generations of one plugin that are alive, each in a task of its own."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator

from plughost.control.generation import Generation, Report
from plughost.model.lifecycle import ENDED

OLD_GENERATIONS = 3
"""As many may drain at once; the oldest one's deadline is cut then."""


class Lives:
    """Begins, retires and ends generations; `died` is told of each that ended by itself or as told."""

    def __init__(self, died: Callable[[Generation], None]) -> None:
        self._died = died
        self._tasks: dict[Generation, asyncio.Task[None]] = {}

    def __iter__(self) -> Iterator[Generation]:
        return iter(tuple(self._tasks))

    def begin(self, generation: Generation) -> None:
        """Let it live, in a context that holds nothing of who asked."""
        task = asyncio.create_task(generation.run(), name=f"plughost {generation.owner}", context=contextvars.Context())
        self._tasks[generation] = task
        task.add_done_callback(lambda _: self._ended(generation))

    async def abandon(self, generation: Generation) -> None:
        """End one that was not mounted yet: it unwinds by itself."""
        if task := self._tasks.get(generation):
            task.cancel()
            await generation.done.wait()

    def supersede(self, newest: Generation) -> None:
        """The newest serves: the others retire, and no more than a few of them may take their time."""
        older = [generation for generation in self._tasks if generation is not newest and generation.phase not in ENDED]
        for generation in older:
            generation.retire()
        for crowded in older[: max(0, len(older) - OLD_GENERATIONS)]:
            crowded.hurry()

    def retire(self, number: int) -> None:
        """The generation of this number serves nothing new from now on."""
        for generation in self._tasks:
            if generation.number == number:
                generation.retire()

    async def stop(self, report: Report | None = None) -> None:
        """Retire all and wait until each has stopped; one that is not mounted yet is ended."""
        for generation, task in self._tasks.items():
            generation.retire(report)
            if not generation.settled.is_set():
                task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _ended(self, generation: Generation) -> None:
        self._tasks.pop(generation, None)
        self._died(generation)
