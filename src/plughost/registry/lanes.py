"""Sync renders of one slot: they share one thread, in order; one that overruns keeps it, and the rest go on in another.

The threads are daemons of ours: a render that hangs holds up neither the loop, nor the slot, nor the end of the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence

from plughost.registry.turn import Turn

logger = logging.getLogger("plughost.plugin")


class Lane:
    """A thread that takes turns from a queue until that is empty, or until it is told to stop after the one it has."""

    def __init__(self, waiting: deque[Turn], props: Mapping[str, object], context: contextvars.Context) -> None:
        self._waiting, self._props, self._context = waiting, props, context
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        self._open, self._since = True, time.monotonic()
        self._turn: Turn | None = None
        threading.Thread(target=self._run, name="plughost slot", daemon=True).start()

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


async def in_lanes(turns: Sequence[Turn], props: Mapping[str, object], share: float) -> None:
    """Render all of them in threads, in order as far as none overruns."""
    waiting, context = deque(turns), contextvars.copy_context()
    lanes: list[Lane] = []
    try:
        while waiting:
            lanes.append(Lane(waiting, props, context))
            await lanes[-1].done_or_overrun(share)
        for lane in lanes:
            await lane.done()
    finally:
        for lane in lanes:
            lane.stop()
