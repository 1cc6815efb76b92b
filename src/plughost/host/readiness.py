"""Whether the host is ready: every intent has served once or failed, and each source was asked once; or some seconds have passed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from plughost.control.actors import Actors
from plughost.control.follow import Follower
from plughost.control.intents import Intents


class Readiness:
    """`ready()` for `/readyz`; `strict`: only once all that should serve does."""

    def __init__(self, actors: Actors, intents: Intents, followers: Sequence[Follower], *, strict: bool, deadline: float) -> None:
        self._actors, self._intents, self._followers = actors, intents, followers
        self._strict, self._deadline = strict, deadline
        self.settled = asyncio.Event()
        """Set when all is settled, or the deadline has passed."""

    async def run(self) -> None:
        """Wait until all is settled, or the deadline; then stay so."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if self._strict else self._deadline):
                await asyncio.gather(*(follower.asked.wait() for follower in self._followers))
                await self._actors.settled()
        self.settled.set()

    def ready(self) -> bool:
        """Whether traffic may come."""
        return self.settled.is_set() and (not self._strict or all(self._serves(name) for name in self._intents.names()))

    def _serves(self, name: str) -> bool:
        status = self._actors.status(name)
        return self._intents.intent(name).state != "enabled" or bool(status and status.serving)
