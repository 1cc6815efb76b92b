"""Follows what another process on this home writes into the ledger: its lists, overrides and revocations are ours too."""

from __future__ import annotations

import asyncio
import logging

from plughost.control.actors import Actors
from plughost.control.intents import Intents
from plughost.errors import PlughostError
from plughost.ledger import Ledger

logger = logging.getLogger(__name__)
LOOK = 0.5
"""Seconds between two looks; a look is one PRAGMA."""


async def mirror(ledger: Ledger, intents: Intents, actors: Actors) -> None:
    """Reload the rows whenever another process has written, and wake whom they touch; ends by cancellation."""
    while True:
        await asyncio.sleep(LOOK)
        try:
            if await ledger.changed():
                rows = await ledger.recorded()
                actors.wake(intents.load(rows.lists, rows.overrides, rows.revoked))
        except PlughostError as error:
            logger.warning("ledger could not be read", exc_info=error)
