"""Builds the rooms from the settings, in the order in which they stand on each other, and takes them down again."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from plughost.api import Console, Tokens
from plughost.ledger import Ledger
from plughost.model.event import Event
from plughost.net import Client
from plughost.observe import log
from plughost.registry import Registry, Rendered, render
from plughost.scope import host_share
from plughost.settings import Settings
from plughost.types import ASGIApp

logger = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class House:
    """A host that runs, as `Host` needs it."""

    console: Console
    tokens: Tokens
    registry: Registry
    settings: Settings
    stopping: bool = False

    def emit(self, event: Event) -> None:
        """Tell everyone who listens."""
        log(event)
        self.console.journal.emit(event)

    async def render(self, slot: str, props: Mapping[str, object]) -> Rendered:
        """Render a slot as it is now."""
        contributions = self.registry.table.slots.get(slot, ())
        return await render(slot, contributions, props, deadline=self.settings.render_deadline, emit=self.emit)


@contextlib.asynccontextmanager
async def assembled(settings: Settings, core: ASGIApp | None, provide: Mapping[str, object]) -> AsyncIterator[House]:
    """A running house; on leaving everything is drained, stopped and closed, in the reverse order."""
    boot = secrets.token_hex(8)
    home = _home(settings.home)
    share = host_share(settings.share)
    async with contextlib.AsyncExitStack() as stack:
        ledger = await Ledger.open(home / "ledger.sqlite", boot=boot)
        stack.push_async_callback(ledger.close)
        client = Client(_rules(settings), tokens=_tokens(settings))
        stack.push_async_callback(client.close)
        store = await _store(settings, home, client, share, boot, stack)
        reaped = await ledger.reap(store.alive)
        yield House()
