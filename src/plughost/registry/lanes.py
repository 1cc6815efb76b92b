"""Sync renders of one slot: they share one thread, in order; one that overruns keeps it, and the rest go on in another.

The threads are daemons of ours: a render that hangs holds up neither the loop, nor the slot, nor the end of the process.
They are kept for the next slot: on a busy machine a new thread waits for a core as long as a hundred fragments take.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from plughost.registry.turn import Turn

logger = logging.getLogger("plughost.plugin")


MAX_IDLE, IDLE = 8, 10.0
"""So many threads wait for work, and so many seconds."""

Job = Callable[[], None]


class Threads:
    """Threads that run one job after the other, and end when there has been none for a while."""

    def __init__(self, patience: float = IDLE) -> None:
        self._patience = patience
        self._idle: deque[queue.SimpleQueue[Job]] = deque()

    def run(self, job: Job) -> None:
        """Run it in an idle thread, or else in a new one."""
        try:
            jobs = self._idle.pop()
        except IndexError:
            jobs = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(jobs,), name="plughost slot", daemon=True).start()
        jobs.put(job)

    def _serve(self, jobs: queue.SimpleQueue[Job]) -> None:
        while (job := self._next(jobs)) is not None:
            job()
            del job  # an idle thread must not keep a plugin alive
            if len(self._idle) >= MAX_IDLE:
                return
            self._idle.append(jobs)

    def _next(self, jobs: queue.SimpleQueue[Job]) -> Job | None:
        with contextlib.suppress(queue.Empty):
            return jobs.get(timeout=self._patience)
        try:
            self._idle.remove(jobs)
        except ValueError:  # taken in this very moment
            return jobs.get()
        return None


class Lane:
    """A thread that takes turns from a queue until that is empty, or until it is told to stop after the one it has."""

    def __init__(self, threads: Threads, waiting: deque[Turn], props: Mapping[str, object], context: contextvars.Context) -> None:
        self._waiting, self._props, self._context = waiting, props, context
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._open, self._since = True, time.monotonic()
        self._turn: Turn | None = None
        threads.run(self._run)

    async def done(self) -> None:
        """Wait until the thread has ended."""
        await self._done.wait()

    async def done_or_overrun(self, share: float) -> None:
        """Wait until the thread has ended, or one turn has taken longer than `share` seconds; then it takes no further one."""
        while not self._done.is_set():
            left = self._since + share - time.monotonic()
            if left <= 0:
                self.stop()
                self._report()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._done.wait()

    def stop(self) -> None:
        """Take no further turn."""
        self._open = False

    def _run(self) -> None:
        while self._open and self._waiting:
            self._turn, self._since = self._waiting.popleft(), time.monotonic()
            self._context.copy().run(self._turn.in_thread, self._props)
        with contextlib.suppress(RuntimeError):  # the loop has been closed meanwhile
            self._loop.call_soon_threadsafe(self._done.set)

    def _report(self) -> None:
        if self._turn is not None:
            contribution = self._turn.contribution
            owner = contribution.owner
            fields = {"plugin": owner.plugin, "version": owner.version, "generation": owner.generation, "slot": contribution.slot}
            logger.warning("a sync render holds its thread; the rest of the slot goes on in another", extra=fields)


async def in_lanes(threads: Threads, turns: Sequence[Turn], props: Mapping[str, object], share: float) -> None:
    """Render all of them in threads, in order as far as none overruns."""
    waiting, context = deque(turns), contextvars.copy_context()
    lanes: list[Lane] = []
    try:
        while waiting:
            lanes.append(Lane(threads, waiting, props, context))
            await lanes[-1].done_or_overrun(share)
        for lane in lanes:
            await lane.done()
    finally:
        for lane in lanes:
            lane.stop()
