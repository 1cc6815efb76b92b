"""SQLite for asyncio: one thread of its own, one function for each transaction.

A caller that is cancelled leaves no half transaction: the thread finishes what it has begun. Reads are deferred transactions,
writes begin with `BEGIN IMMEDIATE`, so that two processes on one file wait for each other instead of failing at the commit.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from plughost.errors import DiskFull, HomeNotWritable, HostFault, LedgerTooNew, PlughostError

T = TypeVar("T")
Step = str | Callable[[sqlite3.Connection], None]
BUSY = 10.0
"""Seconds that a write waits for another process."""


class Database:
    """One connection in one thread; `path` None keeps it in memory."""

    def __init__(self, path: Path | None, *, name: str) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._connection: sqlite3.Connection | None = None

    @classmethod
    async def open(cls, path: Path | None, *, name: str) -> Database:
        """A database that is open; raises HomeNotWritable or DiskFull."""
        database = cls(path, name=name)
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
        if self._thread.is_alive():
            self._jobs.put(None)
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    async def _run(self, job: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller, whatever it is
                _tell(loop, future, None, self._ours(error))
            else:
                _tell(loop, future, result, None)

        if not self._thread.is_alive():
            raise HostFault(f"{self._path or 'the database'} is closed")
        self._jobs.put(work)
        return await future

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
        if self._connection is not None:
            self._connection.close()

    def _connect(self) -> None:
        where = ":memory:" if self._path is None else str(self._path)
        self._connection = connection = sqlite3.connect(where, timeout=BUSY, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

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
        if isinstance(error, PlughostError) or not isinstance(error, sqlite3.Error):
            return error
        where, code = str(self._path), getattr(error, "sqlite_errorname", "")
        if code == "SQLITE_FULL":
            return DiskFull(where)
        if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return HomeNotWritable(where, str(error))
        if code.startswith("SQLITE_IOERR"):  # a full file system shows itself so, where the write-ahead log grows
            return DiskFull(where)
        return error


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
    for line in script.splitlines(keepends=True):
        current += line
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
