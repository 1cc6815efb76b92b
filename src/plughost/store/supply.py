"""One wheel by its bytes: from the store, else fetched, verified and unpacked, once for all who ask on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from plughost.model.artifact import StoredWheel
from plughost.net import Client, Fetched, Rules, fetch
from plughost.store.disk import explained
from plughost.store.layout import Layout
from plughost.store.once import Once, Report
from plughost.store.threads import Threads
from plughost.store.turn import turn
from plughost.store.wheels import Wheels


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Which bytes are wanted, and where they are."""

    url: str
    filename: str
    sha256: str | None
    """None where nobody promised any and the origin's rule allows that."""
    plugin: str | None = field(default=None, compare=False)
    """For whom the origin has to be allowed; None for a dependency."""
    rules: Rules | None = field(default=None, compare=False)
    allow_file: bool = field(default=False, compare=False)

    @property
    def key(self) -> str:
        """Equal for orders of the same bytes; a name that a file can have."""
        return self.sha256 or hashlib.sha256(self.url.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How large a file may be, in bytes, and how long it may take, in seconds."""

    size: int
    seconds: float


class Supply:
    """Obtains wheels; those that are there already cost a look at the disk."""

    def __init__(self, *, layout: Layout, wheels: Wheels, threads: Threads, client: Client, forbidden: frozenset[str], caps: Caps) -> None:
        self._layout, self._wheels, self._threads, self._client = layout, wheels, threads, client
        self._forbidden, self._caps = forbidden, caps
        self._once: Once[Order, StoredWheel] = Once()

    async def get(self, order: Order, report: Report) -> StoredWheel:
        """The wheel; raises what fetch and guard raise."""
        there = await self._there(order)
        return there or await self._once.run(order, lambda said: self._obtained(order, said), report)

    async def close(self) -> None:
        """End what runs."""
        await self._once.close()

    async def _there(self, order: Order) -> StoredWheel | None:
        return await self._threads.run(self._wheels.read, order.sha256) if order.sha256 else None

    async def _obtained(self, order: Order, report: Report) -> StoredWheel:
        with explained(self._layout.root):
            # Another process may be at it: then its result is ours.
            async with turn(self._layout.turns / order.key, self._threads):
                there = await self._there(order)
                return there or await self._unpacked(order, report)

    async def _unpacked(self, order: Order, report: Report) -> StoredWheel:
        async with self._staged() as folder:
            report("fetch", 0)
            fetched = await fetch(
                self._client,
                order.url,
                filename=order.filename,
                sha256=order.sha256,
                into=folder,
                cap=self._caps.size,
                deadline=self._caps.seconds,
                progress=lambda done, total: report("fetch", done, total),
                plugin=order.plugin,
                rules=order.rules,
                allow_file=order.allow_file,
            )
            report("verify")
            return await self._threads.run(self._verified, fetched, order.filename)

    def _verified(self, fetched: Fetched, filename: str) -> StoredWheel:
        # Bytes that nobody promised may turn out to be there.
        there = self._wheels.read(fetched.sha256)
        return there or self._wheels.put(fetched.path, filename, fetched.sha256, forbidden=self._forbidden)

    @contextlib.asynccontextmanager
    async def _staged(self) -> AsyncIterator[Path]:
        folder = await self._threads.run(self._layout.stage)
        try:
            yield folder
        finally:
            await self._threads.run(shutil.rmtree, folder, ignore_errors=True)
