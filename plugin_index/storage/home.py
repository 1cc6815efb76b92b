"""A home directory as `Storage`: `index.sqlite`, and the blobs beside it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from plughost.sqlite import Database, migrate
from plugin_index.storage import Rows
from plugin_index.storage.disk import DiskBlobs
from plugin_index.storage.schema import STEPS
from plugin_index.storage.sqlite import SqliteRows

T = TypeVar("T")
DATABASE = "index.sqlite"


class Home:
    """One connection writes, another reads, so that nobody who reads waits for the disk."""

    def __init__(self, blobs: DiskBlobs, reading: Database, writing: Database) -> None:
        self.blobs, self._reading, self._writing = blobs, reading, writing

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, home: Path) -> AsyncIterator[Home]:
        """The home, for this process alone, with nothing half-uploaded in it.

        Raises HomeNotWritable, DiskFull, DatabaseDamaged or LedgerTooNew.
        """
        blobs, path = DiskBlobs(home), home / DATABASE
        with blobs.held():
            async with _database(path, "plugin-index writes") as writing:
                await writing.write(lambda c: migrate(c, STEPS, path=path))
                async with _database(path, "plugin-index reads") as reading:
                    yield cls(blobs, reading, writing)

    async def read(self, job: Callable[[Rows], T]) -> T:
        """As `Storage` says."""
        return await self._reading.read(lambda connection: job(SqliteRows(connection)))

    async def write(self, job: Callable[[Rows], T]) -> T:
        """As `Storage` says."""
        return await self._writing.write(lambda connection: job(SqliteRows(connection)))


@contextlib.asynccontextmanager
async def _database(path: Path, name: str) -> AsyncIterator[Database]:
    database = await Database.open(path, name=name, durable=True)
    try:
        yield database
    finally:
        await database.close()
