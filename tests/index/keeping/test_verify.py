"""`plugin-index verify` says what is missing, changed or orphaned, and changes nothing itself."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from plughost.errors import LedgerTooNew
from plugin_index.errors import HomeMissing, HomeOutdated
from plugin_index.keeping.verifying import verify
from plugin_index.storage.home import Home
from plugin_index.storage.schema import STEPS
from tests.index.keeping.homes import ONE, THREE, TWO, blob, filled, findings, passed_through, rows
from tests.index.program import BIN, PATIENCE, Program, chat, run, upload
from tests.small_disk import on_small_disk


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    return await filled(tmp_path / "kept", ONE, TWO, THREE)


async def test_a_home_in_which_all_is_well(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))}

    status, said = await run(BIN / "plugin-index", "verify", "--home", home)

    assert (status, said) == (0, f"3 files, {sum(len(each.data) for each in (ONE, TWO, THREE))} bytes: all are as they were uploaded\n")
    assert {path: path.read_bytes() for path in before} == before


def shortened(home: Path) -> None:
    os.truncate(blob(home, TWO), len(TWO.data) - 1)


def flipped(home: Path) -> None:
    data = bytearray(TWO.data)
    data[len(data) // 2] ^= 1
    blob(home, TWO).write_bytes(data)


def exchanged(home: Path) -> None:
    with rows(home) as database:
        database.execute("UPDATE files SET version = '2.1' WHERE filename = ?", (TWO.filename,))


def described_otherwise(home: Path) -> None:
    with rows(home) as database:
        database.execute("UPDATE metadata SET text = ? WHERE filename = ?", (b"Name: mallory", TWO.filename))


@pytest.mark.parametrize("damage", [shortened, flipped, exchanged, described_otherwise])
async def test_a_file_that_is_not_what_was_uploaded_is_named(home: Path, damage: Callable[[Path], None]) -> None:
    damage(home)

    assert await findings(home) == (1, {("changed", TWO.filename)})


async def test_bytes_that_are_gone_are_named_by_every_file_that_has_them(home: Path) -> None:
    blob(home, TWO).unlink()
    with rows(home) as database:
        database.execute(f"UPDATE files SET sha256 = '{TWO.sha256}', size = {len(TWO.data)} WHERE filename = '{THREE.filename}'")

    assert await findings(home) == (1, {("missing", TWO.filename), ("missing", THREE.filename), ("orphaned", THREE.sha256)})


async def test_a_home_that_lost_all_its_bytes(home: Path) -> None:
    shutil.rmtree(home / "blobs")

    assert await findings(home) == (1, {("missing", built.filename) for built in (ONE, TWO, THREE)})


async def test_bytes_without_a_file_are_named_and_no_harm(home: Path) -> None:
    with rows(home) as database:
        database.execute("DELETE FROM files WHERE filename = ?", (TWO.filename,))
    os.utime(blob(home, TWO), (1.0, 1.0))
    (home / "blobs" / "00").mkdir(exist_ok=True)
    (home / "blobs" / "00" / "stray").write_bytes(b"just now")

    status, said = await run(BIN / "plugin-index", "verify", "--home", home)

    assert status == 0
    assert f"orphaned: {TWO.sha256}: {len(TWO.data)} bytes without a file\n" in said
    assert "orphaned: stray: 8 bytes without a file, perhaps of an upload under way\n" in said


async def test_bytes_of_a_removed_file_may_be_collected(home: Path) -> None:
    with rows(home) as database:
        database.execute("UPDATE files SET removed = 1.0 WHERE filename = ?", (TWO.filename,))
    blob(home, TWO).unlink()

    assert await findings(home) == (0, set())


async def test_what_was_passed_through_is_read_too(home: Path) -> None:
    flask = chat("1.0", project="flask", plugin=None)
    async with Home.opened(home) as storage:
        await passed_through(storage, flask)
    assert await findings(home) == (0, set())

    blob(home, flask).write_bytes(flask.data[:-1] + b"!")

    assert await findings(home) == (1, {("changed", flask.sha256)})


async def test_a_medium_that_cannot_be_written_is_read(home: Path, tmp_path: Path) -> None:
    medium = tmp_path / "medium"
    medium.mkdir()
    script = f'cp -r "{home}/." "{medium}" && mount -o remount,ro "{medium}" && exec "{BIN}/plugin-index" verify --home "{medium}"'

    status, said = await run(*on_small_disk(medium, "sh", "-c", script, mib=8))

    assert (status, said.count("\n")) == (0, 1), said
    assert said.startswith("3 files, ")


async def test_a_terminal_shows_how_far_it_is(home: Path) -> None:
    terminal, screen = os.openpty()
    process = await asyncio.create_subprocess_exec(
        BIN / "plugin-index", "verify", "--home", home, stdout=asyncio.subprocess.DEVNULL, stderr=screen
    )
    os.close(screen)
    async with asyncio.timeout(PATIENCE):
        assert await process.wait() == 0
    said = os.read(terminal, 10_000)
    os.close(terminal)

    assert said.startswith(b"\rverified 0 of 0 MiB")
    assert said.endswith(b"\r\n")


async def test_a_database_with_pages_of_nothing_is_said_to_be_damaged(home: Path) -> None:
    with rows(home) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
        size = database.execute("PRAGMA page_size").fetchone()[0]
    with (home / "index.sqlite").open("r+b") as file:
        file.seek(size)
        file.write(b"\xff" * size * (pages - 1))

    status, found = await findings(home)

    assert status == 1
    assert ("database", "index.sqlite") in found


async def test_a_server_may_run_meanwhile(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, ONE)
    assert await findings(index.home) == (0, set())
    await upload(client, TWO)
    blob(index.home, ONE).unlink()

    assert await findings(index.home) == (1, {("missing", ONE.filename)})
    assert (await upload(client, chat("4.0"))).status_code == 200


async def test_what_a_killed_server_had_not_written_back_is_read_too(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, ONE)
    await index.kill()

    assert verify(index.home).files == 1
    assert await findings(index.home) == (0, set())


async def test_homes_that_cannot_be_read_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(HomeMissing):
        verify(tmp_path / "nowhere")
    for version, refusal in [(len(STEPS) + 1, LedgerTooNew), (1, HomeOutdated)]:
        with rows(home) as database:
            database.execute(f"PRAGMA user_version = {version}")
        with pytest.raises(refusal):
            verify(home)
    assert await run(BIN / "plugin-index", "verify", "--home", tmp_path / "nowhere") == (
        1,
        f"error[home-missing]: there is no index in {tmp_path / 'nowhere'}; name its home with --home\n",
    )


async def test_progress_is_told_up_to_the_end(home: Path) -> None:
    told: list[tuple[int, int]] = []

    verify(home, lambda done, every: told.append((done, every)))

    every = sum(len(each.data) for each in (ONE, TWO, THREE))
    assert told == sorted(told)
    assert told[-1] == (every, every)
