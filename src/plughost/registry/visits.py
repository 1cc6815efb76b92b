"""Who is inside a generation: requests, WebSockets and renders, each able to hear that its time is over.

A number would not be enough: the end of a drain has to reach each one. Everything here runs on the loop.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

GRACE = 1.0
"""Seconds from the end of a drain to cancellation, and from cancellation to giving up."""


class Visitor(Protocol):
    """One that is inside; `str()` names it to people."""

    def end(self) -> None:
        """Hear that the drain's deadline has passed."""

    def cancel(self) -> None:
        """Be cancelled."""


class Visits:
    """The visitors of one generation."""

    __slots__ = ("_inside", "_news")

    def __init__(self) -> None:
        self._inside: set[Visitor] = set()
        self._news: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._inside)

    def enter(self, visitor: Visitor) -> None:
        """Count the visitor as inside; called in the step that looked the generation up."""
        self._inside.add(visitor)

    def leave(self, visitor: Visitor) -> None:
        """Let it go; the last one ends a drain."""
        self._inside.discard(visitor)
        if self._news is not None and not self._inside:
            self._news.set()

    async def drain(self, deadline: float) -> tuple[str, ...]:
        """Wait until all have left; after `deadline` seconds end them, then cancel them. Returns the names of those that stay."""
        raise NotImplementedError
