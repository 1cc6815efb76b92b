"""What can wait until nothing else happens: unleased directories are deleted, garbage is collected, and what survives it is told."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Awaitable, Callable

from plughost.errors import PlughostError
from plughost.model.event import Event, Retired

logger = logging.getLogger(__name__)
QUIET = 2.0
"""Seconds without a retirement after which it is quiet."""
AGAIN = 30.0
"""Seconds after which one looks again while something of a retired generation is alive."""


async def _none() -> bool:
    return False


class Housekeeping:
    """Cleans up when it is quiet after generations retired."""

    def __init__(self, prune: Callable[[], Awaitable[tuple[str, ...]]]) -> None:
        self._prune = prune
        self._retired = asyncio.Event()
        self.leaks: Callable[[], Awaitable[bool]] = _none
        """Tells of leaks after garbage was collected; whether it wants to look again."""

    def emit(self, event: Event) -> None:
        """Listen."""
        if isinstance(event, Retired):
            self._retired.set()

    async def run(self) -> None:
        """Clean up for ever; ends by cancellation."""
        alive = False
        while True:
            await self._retirement(AGAIN if alive else None)
            await self._quiet()
            gc.collect()
            alive = await self.leaks()
            try:
                if pruned := await self._prune():
                    logger.info("store pruned", extra={"removed": len(pruned)})
            except PlughostError as error:
                logger.warning("store could not be pruned", exc_info=error)

    async def _retirement(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._retired.wait()

    async def _quiet(self) -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                self._retired.clear()
                async with asyncio.timeout(QUIET):
                    await self._retired.wait()
