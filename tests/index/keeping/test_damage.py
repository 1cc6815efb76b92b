"""A blob that lost a byte, and a database that is not what was written: told as such, the rest goes on."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import httpx
import pytest

from tests.index.keeping.homes import ONE, TWO, blob, filled, findings, rows
from tests.index.program import ADMIN, BIN, Program, chat, run, running, upload

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
NOTES = chat("1.0", project="acme-notes", plugin="notes")


def overwrite(home: Path, table: str) -> None:
    """Nothing but ones where the table's first page was."""
    with rows(home) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    with (home / "index.sqlite").open("r+b") as file:
        file.seek(size * (page - 1))
        file.write(b"\xff" * size)


def kept(home: Path) -> set[str]:
    return {path.name for path in (home / "blobs").rglob("*") if path.is_file()}


async def is_refused(client: httpx.AsyncClient, home: Path) -> None:
    """An upload is refused because of the database, and leaves nothing behind."""
    before = kept(home)
    answer = await upload(client, TWO)
    assert (answer.status_code, answer.json()["code"].partition(":")[0]) == (500, "database-damaged")
    assert answer.reason_phrase == answer.json()["message"][:200]
    assert kept(home) == before
    assert [*(home / "staging").iterdir()] == []


async def test_a_blob_that_lost_a_byte_is_not_sent_and_the_others_are(index: Program, client: httpx.AsyncClient) -> None:
    for built in (ONE, TWO):
        await upload(client, built)
    address = f"/files/{ONE.sha256}/{ONE.filename}"
    assert (await client.get(address)).content == ONE.data

    os.truncate(blob(index.home, ONE), len(ONE.data) - 1)

    for headers in ({}, {"Range": "bytes=0-10"}):
        answer = await client.get(address, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (500, "blob-missing")
        assert ONE.sha256 in answer.json()["detail"]
    assert (await client.head(address)).status_code == 500
    assert (await client.get(f"{address}.metadata")).status_code == 200
    assert (await client.get(f"/files/{TWO.sha256}/{TWO.filename}")).content == TWO.data
    assert await findings(index.home) == (1, {("changed", ONE.filename)})


async def test_the_same_bytes_again_mend_a_blob(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, ONE)
    for damage in (lambda path: os.truncate(path, 10), os.unlink, lambda path: path.write_bytes(bytes(len(ONE.data)))):
        damage(blob(index.home, ONE))
        assert (await upload(client, ONE)).status_code == 200
        assert (await client.get(f"/files/{ONE.sha256}/{ONE.filename}")).content == ONE.data
    assert await findings(index.home) == (0, set())


async def test_a_table_that_cannot_be_written_refuses_uploads_alone(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home", ONE)
    authorised = {"Authorization": f"Bearer {ADMIN}"}
    async with running(home) as index, httpx.AsyncClient(base_url=index.url, headers=authorised, timeout=60) as client:
        overwrite(home, "audit")

        await is_refused(client, home)
        assert (await client.get("/api/audit")).json()["code"] == "database-damaged"
        page = await client.get("/simple/acme-chat/", headers=JSON)
        assert [file["filename"] for file in page.json()["files"]] == [ONE.filename]
        for address in (f"/files/{ONE.sha256}/{ONE.filename}", "/", "/simple/", "/api/plugins", "/api/plugins/enabled"):
            assert (await client.get(address)).status_code == 200, address
    assert (await findings(home))[0] == 1


async def test_a_database_that_is_cut_short_while_it_is_served(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home", ONE, NOTES)
    authorised = {"Authorization": f"Bearer {ADMIN}"}
    async with running(home) as index, httpx.AsyncClient(base_url=index.url, headers=authorised, timeout=60) as client:
        seen = [f"/files/{ONE.sha256}/{ONE.filename}", "/simple/acme-chat/"]
        before = [(await client.get(address)).content for address in seen]

        os.truncate(home / "index.sqlite", 4096)

        assert [(await client.get(address)).content for address in seen] == before
        await is_refused(client, home)
        answer = await client.get("/simple/acme-notes/", headers=JSON)
        assert answer.status_code == 200 or answer.json()["code"] == "database-damaged"
        assert (await client.get("/healthz")).status_code == 200
        assert [(await client.get(address)).content for address in seen] == before


@pytest.mark.parametrize("content", [b"no database " * 1000, b"SQLite format 3\0" + bytes(5000)])
async def test_a_file_that_is_no_database_is_told_at_the_start(tmp_path: Path, content: bytes) -> None:
    home = await filled(tmp_path / "home", ONE)
    (home / "index.sqlite").write_bytes(content)

    status, said = await run(BIN / "plugin-index", "serve", "--home", home, "--port", "0")

    assert status == 1
    assert "error[database-damaged]: " in said
    assert "Traceback" not in said
    assert kept(home) == {ONE.sha256}


async def test_a_backup_mends_what_is_damaged(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home", ONE, TWO)
    assert (await run(BIN / "plugin-index", "backup", tmp_path / "backup", "--home", home))[0] == 0
    overwrite(home, "files")
    assert (await run(BIN / "plugin-index", "backup", tmp_path / "another", "--home", home))[0] == 1

    assert (await run(BIN / "plugin-index", "restore", tmp_path / "backup", "--home", tmp_path / "new"))[0] == 0

    assert await findings(tmp_path / "new") == (0, set())
    connection = sqlite3.connect(tmp_path / "new" / "index.sqlite")
    assert connection.execute("SELECT count(*) FROM files").fetchone() == (2,)
    connection.close()
