"""Schema versions go up one step at a time, in the caller's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plughost.errors import LedgerTooNew
from plughost.sqlite import _statements, migrate

FIRST = """
CREATE TABLE numbers (n INTEGER);  -- a comment; with a semicolon
CREATE TRIGGER twice AFTER INSERT ON numbers WHEN NEW.n < 10 BEGIN
    INSERT INTO numbers VALUES (NEW.n * 10);
END;
"""


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_an_empty_file_gets_every_step(connection: sqlite3.Connection) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO numbers VALUES (2)")

    migrate(connection, [FIRST, fill], path=None)
    assert version(connection) == 2
    assert connection.execute("SELECT n FROM numbers").fetchall() == [(2,), (20,)]


def test_an_older_file_gets_the_steps_that_it_lacks(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST], path=None)
    migrate(connection, [FIRST, "ALTER TABLE numbers ADD COLUMN why TEXT; CREATE TABLE more (n INTEGER)"], path=None)
    assert version(connection) == 2
    connection.execute("SELECT why FROM numbers, more")


def test_a_file_of_this_version_is_left_alone(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST], path=None)
    migrate(connection, [FIRST], path=None)
    assert version(connection) == 1


def test_a_newer_file_is_refused(connection: sqlite3.Connection) -> None:
    migrate(connection, [FIRST, "CREATE TABLE more (n INTEGER)"], path=None)
    with pytest.raises(LedgerTooNew) as caught:
        migrate(connection, [FIRST], path=Path("home/ledger.sqlite"))
    assert (caught.value.path, caught.value.has, caught.value.knows) == ("home/ledger.sqlite", 2, 1)


def test_a_step_that_fails_takes_the_whole_migration_back(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [FIRST, "CREATE TABLE more (n INTEGER); INSERT INTO nowhere VALUES (1);"], path=None)
    assert connection.in_transaction
    connection.execute("ROLLBACK")
    assert version(connection) == 0
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


@given(
    st.lists(
        st.sampled_from(["SELECT 1;", "SELECT ';';", "-- a;b\nSELECT 2;", " \n", "CREATE TRIGGER t AFTER INSERT ON n BEGIN SELECT 1; END;"])
    )
)
def test_a_script_is_split_without_losing_anything(pieces: list[str]) -> None:
    script = "".join(pieces)
    found = _statements(script)
    assert "".join(found).strip() == script.strip()
    assert all(sqlite3.complete_statement(each) for each in found)
    assert len(found) == len([piece for piece in pieces if piece.strip()])
