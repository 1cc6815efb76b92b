"""What nobody needs any more is deleted, and nothing else."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import replace
from pathlib import Path

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_index.keeping.collecting import GRACE, ORPHANED, collect, is_needed
from plugin_index.nouns import File
from plugin_index.storage import Rows, Storage
from tests.index.keeping.homes import ONE, THREE, TWO, blob, described, filled, findings, passed_through, rows, shelve
from tests.index.program import ADMIN, PATIENCE, chat, running, upload

DAY = 86400.0
moments = st.floats(0, 1e10)
files = st.lists(st.none() | moments, max_size=4).map(lambda all_removed: [removed_at(removed) for removed in all_removed])


def removed_at(moment: float | None) -> File:
    return replace(described(ONE)[0], removed=moment)


def present(storage: Storage) -> set[str]:
    return {name for name, _, _ in storage.blobs.every()}


async def remove(storage: Storage, file: File, at: float) -> None:
    await storage.write(lambda rows: rows.mark(replace(file, removed=at)))


@given(files, moments, moments, st.floats(0, 1e8))
@settings(deadline=None)
def test_bytes_of_a_file_that_is_not_removed_are_needed_for_ever(found: list[File], written: float, at: float, grace: float) -> None:
    assert is_needed([*found, removed_at(None)], written, at=at, grace=grace)


@given(files.filter(bool), moments, moments, st.floats(0, 1e8))
@settings(deadline=None)
def test_the_file_that_was_removed_last_decides(found: list[File], written: float, at: float, grace: float) -> None:
    each = [is_needed([file], written, at=at, grace=grace) for file in found]

    assert is_needed(found, written, at=at, grace=grace) == any(each)


def test_the_grace_ends_to_the_second() -> None:
    assert is_needed([removed_at(100.0)], 0.0, at=100.0 + GRACE - 1, grace=GRACE)
    assert not is_needed([removed_at(100.0)], 0.0, at=100.0 + GRACE, grace=GRACE)
    assert is_needed([], 100.0, at=100.0 + ORPHANED - 1, grace=0.0)
    assert not is_needed([], 100.0, at=100.0 + ORPHANED, grace=0.0)


async def test_bytes_of_removed_files_go_after_the_grace(storage: Storage) -> None:
    one, two, three = [await shelve(storage, built) for built in (ONE, TWO, THREE)]
    now = time.time()
    await remove(storage, one, now - 8 * DAY)
    await remove(storage, two, now - 6 * DAY)

    assert await collect(storage, at=now, grace=GRACE) == (1, one.size)

    assert present(storage) == {two.sha256, three.sha256}
    assert await collect(storage, at=now, grace=GRACE) == (0, 0)
    assert await collect(storage, at=now + DAY, grace=GRACE) == (1, two.size)


async def test_bytes_that_another_file_has_stay(storage: Storage) -> None:
    one = await shelve(storage, ONE)
    again = replace(one, filename="acme_chat-1.0-1-py3-none-any.whl")
    await storage.write(lambda rows: rows.add(again, b""))
    await remove(storage, one, 0.0)

    assert await collect(storage, at=time.time(), grace=GRACE) == (0, 0)

    await remove(storage, again, 0.0)
    assert await collect(storage, at=time.time(), grace=GRACE) == (1, one.size)


async def test_bytes_that_came_to_have_no_row_go_after_a_day(storage: Storage) -> None:
    path = storage.blobs.incoming()
    path.write_bytes(b"left behind")
    storage.blobs.keep(path, "0" * 64)

    assert await collect(storage, at=time.time(), grace=0.0) == (0, 0)
    assert await collect(storage, at=time.time() + DAY + 1, grace=0.0) == (1, len(b"left behind"))


async def test_what_a_registry_offers_stays_as_long_as_it_does(storage: Storage) -> None:
    offer = await passed_through(storage, ONE)
    much_later = time.time() + 30 * DAY

    assert await collect(storage, at=much_later, grace=0.0) == (0, 0)

    await storage.write(lambda rows: rows.drop_mirror(offer.project))
    assert await collect(storage, at=much_later, grace=0.0) == (1, len(ONE.data))


async def test_an_upload_never_loses_the_bytes_that_it_names(storage: Storage) -> None:
    """The bytes lie there without a row, older than a day, when their upload comes, a hundred times."""
    builds = [chat(f"1.{number}") for number in range(100)]
    for built in builds:
        path = storage.blobs.incoming()
        path.write_bytes(built.data)
        os.utime(path, (1.0, 1.0))
        storage.blobs.keep(path, built.sha256)

    await asyncio.gather(*(shelve(storage, built) for built in builds), *(collect(storage, at=time.time(), grace=0.0) for _ in range(10)))

    assert present(storage) == {built.sha256 for built in builds}


async def test_many_blobs_are_looked_at_in_several_transactions(storage: Storage) -> None:
    file, _ = described(ONE)

    def write(rows: Rows) -> None:
        for number in range(450):
            rows.add(replace(file, filename=f"acme_chat-1.0-{number}-py3-none-any.whl", sha256=f"{number:064}", removed=1.0), b"")

    await storage.write(write)
    for number in range(500):
        path = storage.blobs.incoming()
        path.write_bytes(b"0123456789")
        storage.blobs.keep(path, f"{number:064}")

    assert await collect(storage, at=time.time(), grace=GRACE) == (450, 4500)
    assert len(present(storage)) == 50


async def test_a_server_collects_when_it_starts(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home", ONE, TWO)
    async with (
        running(home, "--grace-days", "0.5") as index,
        httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as client,
    ):
        assert (await client.delete("/api/projects/acme-chat/1.0", params={"reason": "old"})).status_code == 200
    with rows(home) as database:
        database.execute("UPDATE files SET removed = removed - 43200 WHERE removed IS NOT NULL")
    async with running(home, PLUGIN_INDEX_GRACE_DAYS="0.5") as index, httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        async with asyncio.timeout(PATIENCE):
            while blob(home, ONE).exists():
                await client.get("/healthz")
        assert (await client.get(f"/files/{ONE.sha256}/{ONE.filename}")).status_code == 410
        assert (await client.get(f"/files/{TWO.sha256}/{TWO.filename}")).content == TWO.data
        assert (await upload(client, ONE)).json()["code"].startswith("file-exists")
    assert await findings(home) == (0, set())
