"""SQLite for asyncio: one thread of its own, one function for each transaction.

A caller that is cancelled leaves no half transaction: the thread finishes what it has begun. Reads are deferred transactions,
writes begin with `BEGIN IMMEDIATE`, so that two processes on one file wait for each other instead of failing at the commit.
"""

from __future__ import annotations

import asyncio
import queue
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from plughost.errors import DatabaseDamaged, DiskFull, HomeNotWritable, HostFault, LedgerTooNew

T = TypeVar("T")
Step = str | Callable[[sqlite3.Connection], None]
BUSY = 10.0
"""Seconds that a write waits for another process."""
_AGAIN = 0.02
"""Seconds between two attempts where SQLite itself does not wait."""
_NO_ROOM = 64 * 1024
"""Free bytes below which a disk counts as full: SQLite asks for that much at once."""


class Database:
    """One connection in one thread; `path` None keeps it in memory."""

    def __init__(self, path: Path | None, *, name: str, durable: bool = False) -> None:
        self._path, self._synchronous = path, "FULL" if durable else "NORMAL"
        self._closing = False
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._connection: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path | None, *, name: str, durable: bool = False) -> Database:
        """A database that is open; raises HomeNotWritable or DiskFull.

        Every commit outlives the process; a `durable` one is on the disk, and outlives the machine's power as well.
        """
        database = cls(path, name=name, durable=durable)
        database._thread.start()
        try:
            await database._run(database._connect)
        except BaseException:
            await database.close()
            raise
        return database

    async def read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """What the function answers, from one consistent picture."""
        return await self._run(lambda: self._transaction(job, "BEGIN DEFERRED"))

    async def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """What the function answers, once it is committed; whatever it raises undoes all of it."""
        return await self._run(lambda: self._transaction(job, "BEGIN IMMEDIATE"))

    async def data_version(self) -> int:
        """A number that is another one after another connection has committed."""
        return await self._run(lambda: int(self._open().execute("PRAGMA data_version").fetchone()[0]))

    async def close(self) -> None:
        """Finish what was begun, then close; a second time does nothing."""
        if not self._closing:
            closed = self._run(self._disconnect)
            self._closing = True
            self._jobs.put(None)
            await closed

    def _run(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """What the job will answer, once all that was asked before it is done."""
        if self._closing:
            raise HostFault(f"{self._path or 'the database'} is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
                _tell(loop, future, None, self._ours(error))
            else:
                _tell(loop, future, result, None)

        self._jobs.put(work)
        return future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _connect(self) -> None:
        where = ":memory:" if self._path is None else str(self._path)
        self._connection = connection = sqlite3.connect(where, timeout=BUSY, isolation_level=None)
        for pragma in ("journal_mode=WAL", f"synchronous={self._synchronous}", "foreign_keys=ON"):
            _patiently(connection, f"PRAGMA {pragma}")

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise HostFault(f"{self._path or 'the database'} is not open")
        return self._connection

    def _transaction(self, job: Callable[[sqlite3.Connection], T], begin: str) -> T:
        connection = self._open()
        connection.execute(begin)
        try:
            result = job(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _ours(self, error: BaseException) -> BaseException:
        """What the disk did to us, as our own error."""
        if isinstance(error, StopIteration):  # no future can carry it
            return RuntimeError(f"a transaction raised {error!r}")
        return error if self._path is None else as_ours(error, self._path)


def as_ours(error: BaseException, path: Path) -> BaseException:
    """DiskFull, HomeNotWritable or DatabaseDamaged where that is what SQLite means, else the error itself."""
    if not isinstance(error, sqlite3.Error):
        return error
    name = getattr(error, "sqlite_errorname", "")
    # Where the write-ahead log or its index cannot grow, a full disk looks like a broken one.
    if name == "SQLITE_FULL" or (name.startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")) and _is_full(path)):
        return DiskFull(str(path))
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")):
        return HomeNotWritable(str(path), str(error))
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DatabaseDamaged(str(path), str(error))
    return error


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _NO_ROOM
    except OSError:
        return False


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """Execute it; another process that opens the same new file is waited for, which SQLite does not do for the journal mode."""
    until = time.monotonic() + BUSY
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(_AGAIN)
        else:
            return


def migrate(connection: sqlite3.Connection, steps: Sequence[Step], *, path: Path | None) -> None:
    """Bring the schema to version `len(steps)`, in the caller's transaction; raises LedgerTooNew for a newer one."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(steps):
        raise LedgerTooNew(str(path), has=version, knows=len(steps))
    for step in steps[version:]:
        if callable(step):
            step(connection)
        else:
            for statement in _statements(step):
                connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(steps)}")


def _statements(script: str) -> list[str]:
    """The script's statements; `executescript` would commit the transaction."""
    found, current = [], ""
    for piece in re.split(r"(?<=;)", script):
        current += piece
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return [*found, current] if current.strip() else found


def _tell(loop: asyncio.AbstractEventLoop, future: asyncio.Future[T], result: T | None, error: BaseException | None) -> None:
    def settle() -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T is

    try:
        loop.call_soon_threadsafe(settle)
    except RuntimeError:  # the loop is gone; so is who asked
        return
