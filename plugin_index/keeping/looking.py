"""A home for who only reads it, while a program serves it or not: its lock is not taken, and nothing in it is written."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from plughost.errors import HomeNotWritable, LedgerTooNew
from plughost.sqlite import as_ours
from plugin_index.errors import HomeMissing, HomeOutdated
from plugin_index.storage import Rows
from plugin_index.storage.disk import DiskBlobs
from plugin_index.storage.home import DATABASE
from plugin_index.storage.schema import STEPS
from plugin_index.storage.sqlite import SqliteRows

T = TypeVar("T")


class Look:
    """One home: its rows as of the moment that each is read, and its blobs."""

    def __init__(self, home: Path, connection: sqlite3.Connection) -> None:
        self.home, self.connection, self.blobs = home, connection, DiskBlobs(home)

    @classmethod
    @contextlib.contextmanager
    def at(cls, home: Path) -> Iterator[Look]:
        """The home; raises HomeMissing, HomeNotWritable or DatabaseDamaged, here and from all that is read."""
        path = home / DATABASE
        if not path.is_file():
            raise HomeMissing(str(home))
        with ours(path), contextlib.closing(_connected(path)) as connection:
            yield cls(home, connection)

    def read(self, job: Callable[[Rows], T]) -> T:
        """What the job answers, from one consistent picture; raises HomeOutdated or LedgerTooNew."""
        with ours(self.home / DATABASE):
            self.connection.execute("BEGIN")
            try:
                self._check_version()
                return job(SqliteRows(self.connection))
            finally:
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")

    def faults(self) -> list[str]:
        """What SQLite finds wrong with its file; empty: nothing."""
        try:
            found = [str(row[0]) for row in self.connection.execute("PRAGMA integrity_check(20)")]
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [] if found == ["ok"] else found

    def _check_version(self) -> None:
        version = int(self.connection.execute("PRAGMA user_version").fetchone()[0])
        if version > len(STEPS):
            raise LedgerTooNew(str(self.home), has=version, knows=len(STEPS))
        if version < len(STEPS):
            raise HomeOutdated(str(self.home))


@contextlib.contextmanager
def ours(path: Path) -> Iterator[None]:
    """What the disk did to a database, as our own error."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_ours(error, path) from error


def _connected(path: Path) -> sqlite3.Connection:
    """A connection that only reads; a medium that is read-only lets nobody else write either, so that no log is needed."""
    where = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        return _read(where)
    except sqlite3.OperationalError as error:
        if not error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            raise
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise HomeNotWritable(str(path), "it was not closed, and its log can only be read where it can be written") from None
        return _read(f"{where}&immutable=1")


def _read(where: str) -> sqlite3.Connection:
    connection = sqlite3.connect(where, uri=True, isolation_level=None)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
