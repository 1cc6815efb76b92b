"""Files of other versions: older ones are brought up, newer ones are left alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from plughost.errors import HomeNotWritable, LedgerTooNew
from plughost.ledger import Ledger
from plughost.ledger.schema import STEPS
from plughost.model.plugin import Target

VERSION_1 = Path(__file__).with_name("version_1.sql")
"""What `sqlite3 FILE .dump` said of a ledger that schema version 1 wrote; it is never changed."""


def write(path: Path, script: str, version: int) -> None:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()


def version_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.close()
    return int(version)


async def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write(path, "", 0)

    ledger = await Ledger.open(path, boot="here")

    assert (await ledger.recorded()).lists == {}
    await ledger.close()
    assert version_of(path) == len(STEPS)


async def test_a_ledger_of_version_1_reads_as_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write(path, VERSION_1.read_text(), 1)

    ledger = await Ledger.open(path, boot="here")
    recorded = await ledger.recorded()
    reaped = await ledger.reap(lambda _boot: False)

    assert recorded.lists["https://plugins.example.com"]["chat"].version == "1.2.0"
    assert recorded.etags == {"https://plugins.example.com": '"one"'}
    held = recorded.overrides["chat"].held
    assert held is not None
    assert held.wheel.filename == "acme_chat-1.1.0-py3-none-any.whl"
    assert [target.version for target in recorded.served["chat"]] == ["1.1.0", "1.0.0"]
    assert recorded.refused["chat"].error["code"] == "probe-failed"
    assert [operation.id for operation in reaped.operations] == ["op-2"]
    assert [target.version for target in reaped.crashed] == ["1.2.0"]
    assert [event.kind for event in await ledger.events_after(0)] == ["plugin.mounted"]
    assert [row.verb for row in await ledger.audit()] == ["upgrade"]
    assert [token.role for token in await ledger.tokens()] == ["admin"]
    await ledger.close()
    assert version_of(path) == len(STEPS)


async def test_an_older_schema_is_brought_up_to_todays(tmp_path: Path) -> None:
    old, new = tmp_path / "old.sqlite", tmp_path / "new.sqlite"
    write(old, VERSION_1.read_text(), 1)
    for path in (old, new):
        await (await Ledger.open(path, boot="here")).close()

    assert tables(old) == tables(new)


def tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'").fetchall()
    connection.close()
    return {" ".join(text.replace('"', "").split()) for (text,) in rows}


async def test_a_ledger_of_a_newer_plughost_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    write(path, "CREATE TABLE of_the_future (a)", len(STEPS) + 1)
    before = path.read_bytes()

    with pytest.raises(LedgerTooNew) as refused:
        await Ledger.open(path, boot="here")

    assert (refused.value.has, refused.value.knows) == (len(STEPS) + 1, len(STEPS))
    assert str(path) in refused.value.detail
    assert tables(path) == {"CREATE TABLE of_the_future (a)"}
    assert path.read_bytes()[100:] == before[100:]  # but for the header, where SQLite notes that it is a WAL file


async def test_a_second_start_changes_nothing(tmp_path: Path, release: Callable[..., Target]) -> None:
    path = tmp_path / "ledger.sqlite"
    first = await Ledger.open(path, boot="one")
    number = await first.new_generation(release(), "op-1")
    await first.close()

    second = await Ledger.open(path, boot="two")

    assert await second.new_generation(release(), "op-2") == number + 1
    await second.close()


async def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a directory")

    with pytest.raises(HomeNotWritable, match="home"):
        await Ledger.open(tmp_path / "home" / "ledger.sqlite", boot="here")
