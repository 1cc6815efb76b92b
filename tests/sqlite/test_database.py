"""One thread, one function for each transaction."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from plughost.errors import HomeNotWritable, HostFault
from plughost.sqlite import Database

OpenDatabase = Callable[[Path | None], Awaitable[Database]]
PATIENCE = 60.0


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT n FROM numbers ORDER BY n")]


def add(number: int) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute("INSERT INTO numbers VALUES (?)", [number])


def one(statement: str) -> Callable[[sqlite3.Connection], Any]:
    return lambda connection: connection.execute(statement).fetchone()[0]


async def test_what_was_written_is_read(database: Database) -> None:
    await database.write(add(1))
    assert await database.read(numbers) == [1]


async def test_it_is_a_log_that_is_written_ahead_with_foreign_keys(database: Database) -> None:
    assert await database.read(one("PRAGMA journal_mode")) == "wal"
    assert await database.read(one("PRAGMA foreign_keys")) == 1
    assert await database.read(one("PRAGMA busy_timeout")) == 10_000


@pytest.mark.parametrize(("durable", "synchronous"), [(False, 1), (True, 2)])
async def test_a_durable_one_syncs_each_commit(tmp_path: Path, *, durable: bool, synchronous: int) -> None:
    database = await Database.open(tmp_path / "a.sqlite", name="a test", durable=durable)
    assert await database.read(one("PRAGMA synchronous")) == synchronous
    await database.close()


async def test_a_database_without_a_path_is_in_memory(open_database: OpenDatabase) -> None:
    first, second = await open_database(None), await open_database(None)
    await first.write(lambda c: c.execute("CREATE TABLE numbers (n INTEGER)"))
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await second.read(numbers)


async def test_whatever_a_write_raises_undoes_all_of_it(database: Database) -> None:
    def half(connection: sqlite3.Connection) -> NoReturn:
        add(1)(connection)
        raise LookupError("in the middle")

    with pytest.raises(LookupError, match="in the middle"):
        await database.write(half)
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda c: [add(2)(c), add(2)(c)])
    assert await database.read(numbers) == []
    await database.write(add(3))
    assert await database.read(numbers) == [3]


async def test_an_iterator_that_ends_too_early_is_an_error_too(database: Database) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.read(lambda c: next(c.execute("SELECT n FROM numbers")))


async def test_every_transaction_runs_in_the_one_thread_off_the_loop(database: Database) -> None:
    threads = set(await asyncio.gather(*(database.read(lambda _: threading.current_thread()) for _ in range(20))))
    (thread,) = threads
    assert thread is not threading.current_thread()
    assert thread.daemon
    assert thread.name == "a test"


async def test_they_are_done_in_the_order_in_which_they_were_asked(database: Database) -> None:
    done: list[int] = []
    await asyncio.gather(*(database.write(lambda _, n=n: done.append(n)) for n in range(50)))  # type: ignore[misc]  # mypy sees no default
    assert done == list(range(50))


async def test_a_caller_that_goes_away_leaves_a_whole_transaction(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        add(1)(connection)
        begun.set()
        assert go_on.wait(PATIENCE)
        add(2)(connection)

    writing = asyncio.create_task(database.write(slow))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    go_on.set()
    assert await database.read(numbers) == [1, 2]


async def test_a_caller_that_went_away_does_not_hear_of_the_failure(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def failing(_: sqlite3.Connection) -> NoReturn:
        begun.set()
        assert go_on.wait(PATIENCE)
        raise LookupError

    reading = asyncio.create_task(database.read(failing))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    reading.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert await database.read(numbers) == []


async def test_a_read_sees_one_picture_while_another_connection_writes(
    database: Database, open_database: OpenDatabase, tmp_path: Path
) -> None:
    other = await open_database(tmp_path / "numbers.sqlite")
    seen_first, written = threading.Event(), threading.Event()

    def twice(connection: sqlite3.Connection) -> tuple[list[int], list[int]]:
        first = numbers(connection)
        seen_first.set()
        assert written.wait(PATIENCE)
        return first, numbers(connection)

    reading = asyncio.create_task(database.read(twice))
    assert await asyncio.to_thread(seen_first.wait, PATIENCE)
    await other.write(add(1))
    written.set()
    assert await reading == ([], [])
    assert await database.read(numbers) == [1]


async def test_writers_wait_for_each_other(database: Database, open_database: OpenDatabase, tmp_path: Path) -> None:
    others = [await open_database(tmp_path / "numbers.sqlite") for _ in range(4)]

    def highest_plus_one(connection: sqlite3.Connection) -> None:
        add((numbers(connection) or [0])[-1] + 1)(connection)  # read, then write: a deferred transaction would fail here

    await asyncio.gather(*(other.write(highest_plus_one) for other in others for _ in range(10)))
    assert await database.read(numbers) == list(range(1, 41))


async def test_the_data_version_changes_when_somebody_else_commits(database: Database, open_database: OpenDatabase, tmp_path: Path) -> None:
    other = await open_database(tmp_path / "numbers.sqlite")
    before = await database.data_version()
    await database.write(add(1))
    assert await database.data_version() == before
    await other.write(add(2))
    assert await database.data_version() != before


async def test_closing_finishes_what_was_begun(tmp_path: Path, open_database: OpenDatabase) -> None:
    database = await Database.open(tmp_path / "a.sqlite", name="closing")
    writing = asyncio.create_task(database.write(lambda c: c.execute("CREATE TABLE numbers (n INTEGER)")))
    await asyncio.sleep(0)
    await database.close()
    await writing
    assert await (await open_database(tmp_path / "a.sqlite")).read(numbers) == []
    assert not (tmp_path / "a.sqlite-wal").exists() or (tmp_path / "a.sqlite-wal").stat().st_size == 0


async def test_a_closed_database_says_so_and_may_be_closed_again(database: Database) -> None:
    await database.close()
    await database.close()
    with pytest.raises(HostFault, match="is closed"):
        await database.read(numbers)


async def test_closing_while_others_ask_leaves_nobody_waiting(database: Database) -> None:
    asked = [asyncio.create_task(database.read(numbers)) for _ in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    late = [asyncio.create_task(database.read(numbers)) for _ in range(5)]
    async with asyncio.timeout(PATIENCE):
        await closing
        assert await asyncio.gather(*asked) == [[]] * 5
        assert all(isinstance(each, HostFault) for each in await asyncio.gather(*late, return_exceptions=True))


async def test_a_path_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(HomeNotWritable) as caught:
        await Database.open(tmp_path / "missing/a.sqlite", name="a test")
    assert caught.value.path == str(tmp_path / "missing/a.sqlite")


OPENS = """
import asyncio, sys
from pathlib import Path
from plughost.sqlite import Database, migrate

async def main():
    sys.stdin.readline()
    database = await Database.open(Path(sys.argv[1]), name="a child")
    await database.write(lambda c: migrate(c, ["CREATE TABLE numbers (n INTEGER)"], path=None))
    await database.write(lambda c: c.execute("INSERT INTO numbers VALUES (1)"))
    await database.close()

asyncio.run(main())
"""


async def test_many_processes_may_open_one_new_file_at_once(tmp_path: Path, open_database: OpenDatabase) -> None:
    pipe = asyncio.subprocess.PIPE
    path = tmp_path / "new.sqlite"
    children = [await asyncio.create_subprocess_exec(sys.executable, "-c", OPENS, path, stdin=pipe, stderr=pipe) for _ in range(6)]
    ended = await asyncio.gather(*(child.communicate(b"\n") for child in children))
    assert [err.decode() for _, err in ended] == [""] * 6
    assert await (await open_database(path)).read(numbers) == [1] * 6


KILLED = """
import asyncio, sys
from pathlib import Path
from plughost.sqlite import Database

async def main():
    database = await Database.open(Path(sys.argv[1]), name="a child")
    for number in range(1_000_000):
        await database.write(lambda c: c.execute("INSERT INTO numbers VALUES (?)", [number]))
        print(number, flush=True)

asyncio.run(main())
"""


async def test_what_was_committed_outlives_a_killed_process(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "numbers.sqlite"
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, path, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    told = [await child.stdout.readline() for _ in range(20)]
    os.kill(child.pid, signal.SIGKILL)
    told += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    committed = [int(line) for line in told if line.endswith(b"\n")]
    assert set(committed) <= set(await database.read(numbers))
