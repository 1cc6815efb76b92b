"""Single flight: at most one running job for a key, and everyone who asks gets its true result (law 6).

A flight is a task of its own, in a fresh context: no asker's cancellation, deadline or context variables reach it, and
different keys never wait for each other. It is forgotten the moment it ends, so that a failure is not remembered; what
is worth remembering is on disk. It goes on when its last asker is gone, since the next one will want the result.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextvars import Context
from typing import Generic, Protocol, TypeVar

from plughost.errors import HostStopping

logger = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Report(Protocol):
    """Hears how far a job is."""

    def __call__(self, phase: str, done: int | None = None, total: int | None = None, /) -> None:
        """A phase began or moved on; `done` and `total` in bytes."""
        ...


class Once(Generic[K, T]):
    """Running jobs by key."""

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}
        self._closed = False

    def __repr__(self) -> str:
        return f"<Once {len(self._flights)} running>"

    async def run(self, key: K, job: Callable[[Report], Awaitable[T]], report: Report | None = None) -> T:
        """The result of the job that runs for the key, started here where none does; raises what the job raises.

        `report` hears what the job says, and first, where it joins late, the latest that was said of each phase.
        """
        if self._closed:
            raise HostStopping
        flight = self._flights.get(key)
        if flight is None or flight.task.done():
            flight = self._flights[key] = _Flight(job)
            flight.task.add_done_callback(lambda _: self._forget(key, flight))
        with flight.heard_by(report):
            # Not `await task` and not `shield`: waiting leaves the task alone, and tells its cancellation from ours.
            await asyncio.wait({flight.task})
        if flight.task.cancelled():
            raise HostStopping
        return flight.task.result()

    async def close(self) -> None:
        """Cancel what runs and wait until it has ended; its askers get HostStopping, as later ones do."""
        self._closed = True
        tasks = [flight.task for flight in self._flights.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _forget(self, key: K, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        error = None if flight.task.cancelled() else flight.task.exception()
        if error is not None and not flight.listeners:
            logger.info("a job failed after everyone who asked had gone", exc_info=error)


class _Flight(Generic[T]):
    """One running job, who listens to it and what it said."""

    def __init__(self, job: Callable[[Report], Awaitable[T]]) -> None:
        self.listeners: list[Report] = []
        self._said: dict[str, tuple[int | None, int | None]] = {}
        self.task = asyncio.get_running_loop().create_task(self._fly(job), context=Context())

    async def _fly(self, job: Callable[[Report], Awaitable[T]]) -> T:
        return await job(self._say)

    @contextlib.contextmanager
    def heard_by(self, report: Report | None) -> Iterator[None]:
        listener = report or _deaf
        self.listeners.append(listener)
        try:
            for phase, (done, total) in self._said.items():
                listener(phase, done, total)
            yield
        finally:
            self.listeners.remove(listener)

    def _say(self, phase: str, done: int | None = None, total: int | None = None, /) -> None:
        self._said[phase] = done, total
        for listener in tuple(self.listeners):
            listener(phase, done, total)


def _deaf(_phase: str, _done: int | None = None, _total: int | None = None, /) -> None:
    """For an asker that wants the result alone."""
