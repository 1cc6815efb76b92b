"""Keeps what happens in the ledger and tells those who listen; numbers are the ledger's and never reused."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
from collections.abc import AsyncIterator, Mapping

from plughost.errors import PlughostError
from plughost.ledger import Ledger, StoredEvent
from plughost.model.event import Event

logger = logging.getLogger(__name__)
LOOK = 0.5
"""Seconds after which a listener looks into the ledger by itself: another process on this home may have written."""
PAGE = 500


class Journal:
    """Events in, rows out; `emit` never waits."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[tuple[str, Mapping[str, object]]] = []
        self._filled, self._written = asyncio.Event(), asyncio.Condition()

    def emit(self, event: Event) -> None:
        """Keep the event; it is written with the others of this turn."""
        self._waiting.append((event.kind, data(event)))
        self._filled.set()

    async def run(self) -> None:
        """Write for ever; ends by cancellation."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        batch, self._waiting = self._waiting, []
        if not batch:
            return
        try:
            await self._ledger.append_events(batch)
        except PlughostError as error:  # a full disk must not stop the host; these events are lost, and that is said
            logger.warning("events were not written", exc_info=error, extra={"events": len(batch)})
        async with self._written:
            self._written.notify_all()

    async def listen(self, after: int | None) -> AsyncIterator[StoredEvent]:
        """Events from the one after `after`, or from this moment on; a gap comes first where rows are gone, or never were here."""
        bounds = await self._ledger.event_bounds()
        if after is None:
            return self._follow(bounds.last)
        if bounds.first - 1 <= after <= bounds.last:
            return self._follow(after)
        position = bounds.first - 1 if after < bounds.first else bounds.last
        return self._follow(position, StoredEvent(id=position, kind="gap", data={"lost": max(0, position - after)}))

    async def _follow(self, position: int, *before: StoredEvent) -> AsyncIterator[StoredEvent]:
        for event in before:
            yield event
        while True:
            rows = await self._ledger.events_after(position, limit=PAGE)
            for row in rows:
                position = row.id
                yield row
            if len(rows) < PAGE:
                await self._more()

    async def _more(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK), self._written:
                await self._written.wait()


def data(event: Event) -> dict[str, object]:
    """The event's data on the wire: its fields, without what it does not tell."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"at": time.time(), **{name: value for name, value in fields.items() if value is not None}}
