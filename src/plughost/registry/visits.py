"""Who is inside a generation: requests, WebSockets and renders, each able to hear that its time is over.

A number would not be enough: the end of a drain has to reach each one, in three steps. At the deadline it hears so (a request
that waits for its client is told that the client is gone, one that streams on cannot send any more); a second later it is
cancelled; a second after that whoever swallowed this is named and left. Everything here runs on the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

GRACE = 1.0
"""Seconds from the end of a drain to cancellation, and from cancellation to giving up."""


class Visit(Protocol):
    """One that is inside; `str()` names it to people. Both verbs may be called more than once."""

    def end(self) -> None:
        """Hear that the drain's deadline has passed."""

    def cancel(self) -> None:
        """Be cancelled."""


class Visits:
    """The visits of one generation."""

    __slots__ = ("_inside", "_news", "over", "stuck")

    def __init__(self) -> None:
        self._inside: set[Visit] = set()
        self._news: asyncio.Event | None = None
        self.over = False
        """A drain has come to its deadline."""
        self.stuck = 0
        """How many of its sync renders hold a thread long after their slot was answered."""

    def __len__(self) -> int:
        return len(self._inside)

    def __repr__(self) -> str:
        return f"<Visits {sorted(map(str, self._inside))}>"

    def enter(self, visit: Visit) -> None:
        """Count the visit as inside; called in the synchronous step that looked the generation up."""
        self._inside.add(visit)

    def leave(self, visit: Visit) -> None:
        """Let it go; the last one ends a drain."""
        self._inside.discard(visit)
        if self._news is not None and not self._inside:
            self._tell()

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait until all have left; after `deadline` seconds end them, then cancel them. The names of those that stay.

        A second drain with an earlier deadline cuts the first one short.
        """
        if not await self._empty_within(deadline):
            self._end()
            if not await self._empty_within(GRACE):
                for visit in tuple(self._inside):
                    visit.cancel()
                await self._empty_within(GRACE)
        return tuple(sorted(map(str, self._inside)))

    def _end(self) -> None:
        if self.over:
            return
        self.over = True
        for visit in tuple(self._inside):
            visit.end()
        self._tell()

    def _tell(self) -> None:
        news, self._news = self._news, None
        if news is not None:
            news.set()

    async def _empty_within(self, seconds: float) -> bool:
        """Whether all have left; False at once when another drain comes to its deadline."""
        over = self.over
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._inside and self.over is over:
                    self._news = self._news or asyncio.Event()
                    await self._news.wait()
        return not self._inside
