"""What only a home directory has: it is opened again, by one process, whatever version wrote it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from plughost.errors import DatabaseDamaged, HomeNotWritable, LedgerTooNew
from plugin_index.nouns import File
from plugin_index.storage.home import DATABASE, Home
from plugin_index.storage.schema import STEPS
from tests.index.storage.rows import METADATA, a_file

VERSION_1 = Path(__file__).with_name("version_1.sql")
"""The tables of version 1 with rows in them; it is never changed."""


def database(home: Path, script: str, version: int) -> None:
    home.mkdir()
    connection = sqlite3.connect(home / DATABASE)
    connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()


async def test_what_was_written_is_there_when_the_home_is_opened_again(tmp_path: Path) -> None:
    async with Home.opened(tmp_path / "home") as home:
        await home.write(lambda rows: rows.add(a_file(), METADATA))
    async with Home.opened(tmp_path / "home") as home:
        assert await home.read(lambda rows: [*rows.files()]) == [a_file()]


async def test_uploads_of_a_dead_process_are_gone_when_the_home_is_opened_again(tmp_path: Path) -> None:
    async with Home.opened(tmp_path / "home") as home:
        upload = home.blobs.incoming()
        upload.write_bytes(b"half of it")
    async with Home.opened(tmp_path / "home"):
        assert not upload.exists()


async def test_a_home_is_served_by_one_process_only(tmp_path: Path) -> None:
    async with Home.opened(tmp_path / "home"):
        with pytest.raises(HomeNotWritable, match="another plugin-index serves it"):
            async with Home.opened(tmp_path / "home"):
                pass


async def test_a_home_of_version_1_reads_as_what_was_written(tmp_path: Path) -> None:
    database(tmp_path / "home", VERSION_1.read_text(), 1)

    async with Home.opened(tmp_path / "home") as home:
        newest, oldest = await home.read(lambda rows: rows.of_project("acme-chat"))
        assert newest == File(
            filename="acme_chat-1.0.0-py3-none-any.whl",
            project="acme-chat",
            version="1.0.0",
            sha256="aaaa",
            size=10,
            uploaded=1700000000.5,
            uploader="ci",
            requires_python=">=3.11",
            metadata_sha256="bbbb",
            summary="Chat",
            plugins={"chat": "acme_chat:plugin"},
        )
        assert (oldest.yanked, oldest.removed, oldest.quarantined) == ("too slow", None, None)
        assert await home.read(lambda rows: rows.metadata(newest.filename)) == b"Name: acme-chat"
        assert (await home.read(lambda rows: rows.enabled()))["chat"].specifier == ">=1"
        assert [token.name for token in await home.read(lambda rows: rows.tokens())] == ["CI"]
        assert [(row.id, row.verb) for row in await home.read(lambda rows: rows.audit(9, None))] == [(7, "upload")]
        await home.write(lambda rows: rows.add(a_file(version="3.0"), METADATA))


async def test_a_home_that_was_brought_up_is_as_a_new_one(tmp_path: Path) -> None:
    database(tmp_path / "old", VERSION_1.read_text(), 1)
    async with Home.opened(tmp_path / "old"), Home.opened(tmp_path / "new"):
        pass

    assert tables(tmp_path / "old") == tables(tmp_path / "new")


async def test_a_home_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    database(tmp_path / "home", "CREATE TABLE of_tomorrow (n INTEGER);", len(STEPS) + 1)

    with pytest.raises(LedgerTooNew):
        async with Home.opened(tmp_path / "home"):
            pass

    assert [name for name, _ in tables(tmp_path / "home")] == ["of_tomorrow"]


async def test_a_database_that_is_none_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / DATABASE).write_bytes(b"no database " * 1000)

    with pytest.raises(DatabaseDamaged):
        async with Home.opened(tmp_path / "home"):
            pass


def tables(home: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Each table with its columns' names and kinds; comments and the order of their making do not matter."""
    connection = sqlite3.connect(home / DATABASE)
    try:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")]
        return [(name, tuple(str(row[1:]) for row in connection.execute(f"PRAGMA table_info({name})"))) for name in names]
    finally:
        connection.close()
