"""A backup is the index as it was at one moment; what is restored from it is the same index."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from plughost.errors import DatabaseDamaged
from plughost.testing import BuiltWheel
from plugin_index.errors import PlaceTaken
from plugin_index.keeping.copying import backup, restore
from plugin_index.keeping.placing import placed
from plugin_index.keeping.verifying import verify
from plugin_index.storage.home import Home
from tests.index.keeping.crawling import everything
from tests.index.keeping.homes import ONE, THREE, TWO, blob, command, filled, findings, passed_through, rows
from tests.index.program import ADMIN, BIN, PATIENCE, Program, chat, run, running, upload


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    return await filled(tmp_path / "kept", ONE, TWO, THREE)


def operator(index: Program) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60)


async def asked(client: httpx.AsyncClient, address: str, **said: Any) -> Any:
    answer = await client.post(address, json=said)
    assert answer.is_success, answer.text
    return answer.json()


async def a_history(client: httpx.AsyncClient) -> str:
    """Much of what an index can hold; answers the secret of a token."""
    made = await asked(client, "/api/tokens", name="CI", actions=["upload"], projects=["acme-*"])
    for built in (ONE, TWO, THREE, chat(project="acme-lib", plugin=None), chat("1.0", project="acme-notes", plugin="notes")):
        assert (await upload(client, built, token=made["token"])).status_code == 200
    await asked(client, "/api/plugins/chat/enable")
    await asked(client, "/api/projects/acme-chat/3.0/yank", reason="slow")
    await asked(client, "/api/projects/acme-lib/1.0/quarantine", reason="odd")
    await asked(client, "/api/projects/acme-notes/1.0/revoke", reason="it steals")
    assert (await client.delete("/api/projects/acme-chat/1.0", params={"reason": "old"})).is_success
    return str(made["token"])


async def test_what_is_restored_is_the_same_index(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as index, operator(index) as client:
        token = await a_history(client)
        assert (await command("backup", tmp_path / "backup", "--home", index.home))[0] == 0
        before = await everything(client)
    shutil.rmtree(tmp_path / "home")

    assert (await command("restore", tmp_path / "backup", "--home", tmp_path / "restored"))[0] == 0

    assert await findings(tmp_path / "restored") == (0, set())
    async with running(tmp_path / "restored") as index, operator(index) as client:
        assert await everything(client) == before
        assert len(before) > 20
        assert (await upload(client, chat("4.0"), token=token)).status_code == 200


async def test_a_backup_is_whole_while_ten_clients_upload(index: Program, client: httpx.AsyncClient, tmp_path: Path) -> None:
    ending = asyncio.Event()
    answered: list[int] = []

    async def uploading(client_number: int) -> None:
        number = 0
        while not ending.is_set() and number < 40:
            number += 1
            answered.append((await upload(client, built(client_number, number))).status_code)

    def built(client_number: int, number: int) -> BuiltWheel:
        return chat(f"{client_number}.{number}", says="# " + "x" * 50_000)

    clients = [asyncio.create_task(uploading(number)) for number in range(10)]
    copied = [await command("backup", tmp_path / f"backup{number}", "--home", index.home) for number in range(3)]
    ending.set()
    await asyncio.gather(*clients)

    assert set(answered) == {200}
    assert [status for status, _ in copied] == [0, 0, 0]
    sizes = [said["files"] for _, said in copied]
    assert sizes == sorted(sizes)
    for number, size in enumerate(sizes):
        report = verify(tmp_path / f"backup{number}")
        assert (report.files, report.findings) == (size, [])
    assert await findings(index.home) == (0, set())


@pytest.mark.parametrize("verb", ["backup", "restore"])
async def test_a_copy_that_is_killed_is_none_and_does_not_hinder_the_next(tmp_path: Path, verb: str) -> None:
    home = await filled(tmp_path / "home", *(chat(f"1.{number}") for number in range(200)))
    place, partial = tmp_path / "copy", tmp_path / "copy.partial"
    arguments = (verb, place, "--home", home) if verb == "backup" else (verb, home, "--home", place)
    process = await asyncio.create_subprocess_exec(BIN / "plugin-index", *map(str, arguments))
    async with asyncio.timeout(PATIENCE):
        while not (partial / "blobs").exists() and not place.exists():
            await asyncio.sleep(0)
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()

    assert place.exists() != partial.exists()
    if place.exists():  # it was quicker than this test; then as if it had not been
        shutil.move(place, partial)
    (partial / "left.txt").write_text("of another attempt")

    assert (await command(*arguments))[0] == 0
    assert not partial.exists()
    assert sorted(path.name for path in place.iterdir()) == ["blobs", "index.sqlite"]
    assert verify(place).files == 200


async def test_on_one_file_system_bytes_are_not_written_again(home: Path, tmp_path: Path) -> None:
    backup(home, tmp_path / "backup")

    assert blob(tmp_path / "backup", ONE).samefile(blob(home, ONE))


async def test_where_files_cannot_be_linked_they_are_copied(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)

    backup(home, tmp_path / "backup")

    assert not blob(tmp_path / "backup", ONE).samefile(blob(home, ONE))
    assert verify(tmp_path / "backup").sound


async def test_a_place_that_is_taken_is_left_alone(home: Path, tmp_path: Path) -> None:
    assert (await command("backup", tmp_path / "backup", "--home", home))[0] == 0
    with rows(home) as database:
        database.execute("DELETE FROM files")

    status, said = await run(BIN / "plugin-index", "backup", tmp_path / "backup", "--home", home)

    assert status == 1
    assert said == (
        f"error[place-taken]: {tmp_path / 'backup'} is there already, with something in it; name a directory that is new or empty\n"
    )
    assert verify(tmp_path / "backup").files == 3
    with pytest.raises(PlaceTaken):
        restore(tmp_path / "backup", home)


async def test_an_empty_directory_is_a_place(home: Path, tmp_path: Path) -> None:
    (tmp_path / "backup").mkdir()
    (tmp_path / "new").mkdir()

    backup(home, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new")

    assert verify(tmp_path / "new").files == 3


async def test_an_index_without_files_is_one_too(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home")

    backup(home, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "new")

    assert verify(tmp_path / "new").sound


async def test_a_place_that_somebody_writes_to_is_left_to_him(home: Path, tmp_path: Path) -> None:
    with placed(tmp_path / "backup"), pytest.raises(PlaceTaken, match="written by somebody else"):
        backup(home, tmp_path / "backup")


async def test_what_fails_leaves_nothing_at_the_place(home: Path, tmp_path: Path) -> None:
    (home / "index.sqlite").write_bytes(b"no database " * 1000)

    with pytest.raises(DatabaseDamaged):
        backup(home, tmp_path / "backup")

    assert {path.name for path in tmp_path.iterdir()} == {"kept"}


async def test_secrets_are_no_part_of_a_backup(home: Path, tmp_path: Path) -> None:
    (home / "admin-token").write_text("a secret")

    backup(home, tmp_path / "backup")

    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == ["blobs", "index.sqlite"]


async def test_what_was_passed_through_is_there_without_the_registry(home: Path, tmp_path: Path) -> None:
    flask = chat("1.0", project="flask", plugin=None)
    async with Home.opened(home) as storage:
        await passed_through(storage, flask)

    backup(home, tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")

    assert verify(tmp_path / "restored").findings == []
    assert blob(tmp_path / "restored", flask).read_bytes() == flask.data
    async with Home.opened(tmp_path / "restored") as storage:
        assert await storage.read(lambda rows: rows.is_offered(flask.sha256))


async def test_what_is_lost_is_named_and_the_rest_is_brought(home: Path, tmp_path: Path) -> None:
    blob(home, TWO).unlink()

    status, said = await command("backup", tmp_path / "backup", "--home", home)

    assert (status, said["lost"], said["files"]) == (1, [TWO.filename], 3)
    blob(tmp_path / "backup", ONE).unlink()
    blob(tmp_path / "backup", ONE).write_bytes(ONE.data[:-1] + b"!")
    copied = restore(tmp_path / "backup", tmp_path / "restored")
    assert copied.lost == (ONE.filename, TWO.filename)
    assert blob(tmp_path / "restored", THREE).read_bytes() == THREE.data
    assert not blob(tmp_path / "restored", ONE).exists()


async def test_a_backup_of_an_older_version_is_brought_up(home: Path, tmp_path: Path) -> None:
    script = (Path(__file__).parents[1] / "storage" / "version_1.sql").read_text()
    (home / "index.sqlite").unlink()
    with rows(home) as database:
        database.executescript(script)
        database.execute("PRAGMA user_version = 1")

    copied = restore(home, tmp_path / "restored")

    assert copied.files == 2
    assert len(copied.lost) == 2
    assert verify(tmp_path / "restored").files == 2
