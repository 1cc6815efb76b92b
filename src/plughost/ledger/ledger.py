"""The ledger: one SQLite file (or memory), and one transaction for each call.

Whoever reads it after a crash between two calls finds each call done or not begun, never half. Several processes may
share one file: each call is serialised by SQLite, and `changed` tells that another one has written.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from sqlite3 import Connection

from plughost.errors import HomeNotWritable
from plughost.ledger import intents, operations, tokens, trail
from plughost.ledger.revoked import set_revoked
from plughost.ledger.rows import (
    KEEP,
    Audit,
    Bounds,
    Clear,
    Keep,
    Reaped,
    Recorded,
    Refused,
    StoredEvent,
    Token,
)
from plughost.ledger.schema import STEPS
from plughost.model.intent import Override
from plughost.model.lifecycle import Phase
from plughost.model.operation import Operation
from plughost.model.plugin import Listing, Target
from plughost.model.revocation import Reasons
from plughost.sqlite import Database, migrate


class Ledger:
    """What outlives the process; every method is one transaction, and raises DiskFull or HomeNotWritable where the disk refuses."""

    def __init__(self, database: Database, *, boot: str, version: int) -> None:
        self._database, self._boot, self._version = database, boot, version

    @classmethod
    async def open(cls, path: Path | None, *, boot: str) -> Ledger:
        """Open the file, or memory where there is no path, and bring it to today's schema.

        `boot` names this process as the owner of the operations and generations that it writes down.
        Raises LedgerTooNew where a newer plughost wrote the file, and leaves it as it is.
        """
        if path is not None:
            await asyncio.to_thread(_make_private, path)
        database = await Database.open(path, name="plughost ledger")
        try:
            await database.write(lambda connection: migrate(connection, STEPS, path=path))
            return cls(database, boot=boot, version=await database.data_version())
        except BaseException:
            await database.close()
            raise

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await self._database.close()

    async def changed(self) -> bool:
        """Whether another process has written since this was asked last."""
        before, self._version = self._version, await self._database.data_version()
        return before != self._version

    # What decides what runs

    async def recorded(self) -> Recorded:
        """Lists, overrides, served and refused releases, and what is revoked."""
        return await self._database.read(intents.recorded)

    async def set_list(self, source: str, listings: Sequence[Listing] | None, etag: str | None, revoked: Reasons | None = None) -> None:
        """Replace what a source lists, and what it has revoked; None leaves either as it is."""
        now = time.time()

        def write(connection: Connection) -> None:
            if listings is not None:
                intents.set_list(connection, source, listings, etag)
            if revoked is not None:
                set_revoked(connection, source, revoked, now)

        await self._database.write(write)

    async def drop_source(self, source: str) -> None:
        """Forget a source: its list, and what it revoked."""
        now = time.time()
        await self._database.write(lambda c: intents.drop_source(c, source, now))

    async def set_override(self, override: Override, audit: Audit) -> None:
        """Keep what an operator said, and who it was."""

        def write(connection: Connection) -> None:
            intents.put_override(connection, override.name, override)
            trail.append_audit(connection, audit)

        await self._database.write(write)

    async def clear_override(self, name: str, audit: Audit) -> None:
        """Let go of what an operator said, and keep who did."""

        def write(connection: Connection) -> None:
            intents.put_override(connection, name, None)
            trail.append_audit(connection, audit)

        await self._database.write(write)

    async def forget(self, name: str) -> None:
        """Forget which releases of a plugin served or were refused: it is uninstalled."""
        await self._database.write(lambda c: intents.forget(c, name))

    # What is under way

    async def begin(self, operation: Operation, key: str) -> None:
        """Write down that an operation runs in this process; `key` is what was asked."""
        await self._database.write(lambda c: operations.begin(c, operation, key, self._boot))

    async def end(
        self,
        operation: Operation,
        *,
        override: Override | Keep | None = KEEP,
        served: Target | None = None,
        refused: Refused | Clear | None = None,
        audit: Audit | None = None,
    ) -> None:
        """Write down how an operation ended, with all that follows from it.

        `override`: put back what stood before (None: nothing did). `served`: the release it proved. `refused`: the release
        that it could not start, CLEAR to forget the last one.
        """

        def write(connection: Connection) -> None:
            operations.end(connection, operation)
            if not isinstance(override, Keep):
                intents.put_override(connection, operation.plugin, override)
            if served is not None:
                intents.put_served(connection, served)
            if refused is not None:
                intents.put_refused(connection, operation.plugin, None if isinstance(refused, Clear) else refused)
            if audit is not None:
                trail.append_audit(connection, audit)

        await self._database.write(write)

    async def operation(self, operation: str) -> Operation:
        """The operation of this id; raises OperationUnknown."""
        return await self._database.read(lambda c: operations.one(c, operation))

    async def operations(
        self, *, limit: int = 100, before: str | None = None, plugin: str | None = None, state: str | None = None
    ) -> tuple[Operation, ...]:
        """The newest operations that fit, older than the one with the id `before`."""
        return await self._database.read(lambda c: operations.page(c, limit=limit, before=before, plugin=plugin, state=state))

    async def new_generation(self, target: Target, operation: str) -> int:
        """A number that no generation ever had; its row is there before anything of the release runs."""
        return await self._database.write(lambda c: operations.new_generation(c, target, operation, self._boot))

    async def generation_phase(self, number: int, phase: Phase) -> None:
        """Move a generation on; the row of one that has ended goes."""
        await self._database.write(lambda c: operations.set_phase(c, number, phase))

    async def reap(self, alive: Callable[[str], bool]) -> Reaped:
        """End what dead processes left open; `alive` tells of a process by its boot id, and this one is.

        Operations end as `interrupted`. A release that was loading is refused (ImportCrashed), `next_try` None; one that has
        served here before may be tried once more at once, for whoever killed the process may have killed it from outside.
        """
        boot, now = self._boot, time.time()
        return await self._database.write(lambda c: operations.reap(c, alive=lambda owner: owner == boot or alive(owner), now=now))

    # What happened

    async def append_events(self, events: Sequence[tuple[str, Mapping[str, object]]]) -> tuple[int, ...]:
        """Keep events, (kind, data), and answer their ids; the last 10,000 stay."""
        return await self._database.write(lambda c: trail.append_events(c, events))

    async def events_after(self, event: int, *, limit: int = 1000) -> tuple[StoredEvent, ...]:
        """The events that follow this id, oldest first."""
        return await self._database.read(lambda c: trail.events_after(c, event, limit))

    async def event_bounds(self) -> Bounds:
        """The oldest event that is kept and the newest that ever was."""
        return await self._database.read(trail.event_bounds)

    async def audit(self, *, limit: int = 100, before: int | None = None, plugin: str | None = None) -> tuple[Audit, ...]:
        """The newest audit rows that fit, older than the id `before`."""
        return await self._database.read(lambda c: trail.audit_page(c, limit=limit, before=before, plugin=plugin))

    # Who may ask

    async def add_token(self, token: Token, audit: Audit | None = None) -> None:
        """Keep a token's hash."""

        def write(connection: Connection) -> None:
            tokens.add(connection, token)
            if audit is not None:
                trail.append_audit(connection, audit)

        await self._database.write(write)

    async def delete_token(self, token: str, audit: Audit | None = None) -> None:
        """Take a token back by its id; raises TokenUnknown."""

        def write(connection: Connection) -> None:
            tokens.delete(connection, token)
            if audit is not None:
                trail.append_audit(connection, audit)

        await self._database.write(write)

    async def tokens(self) -> tuple[Token, ...]:
        """All tokens, newest first."""
        return await self._database.read(tokens.every)

    async def token_of(self, text: str) -> Token | None:
        """The token whose secret has this hash, expired or not."""
        return await self._database.read(lambda c: tokens.of_hash(c, text))

    async def used(self, token: str, at: float) -> None:
        """Remember when a token was used last, to the minute."""
        await self._database.write(lambda c: tokens.used(c, token, at))


def _make_private(path: Path) -> None:
    """Have the file there before SQLite makes it: tokens' hashes and plugins' configuration are nobody else's business."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or str(error)) from None
