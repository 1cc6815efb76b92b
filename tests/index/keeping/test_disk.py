"""A full disk and a read-only home: told as such, nothing half stays, and what can be read is read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.keeping.homes import ONE, TWO, filled
from tests.index.program import ADMIN, BIN, Program, chat, run, running, upload
from tests.small_disk import SmallDisk, on_small_disk

MIB = 1 << 20
SIZE = 24
HEAVY = chat("8.0", says=f"# {os.urandom(8 * MIB).hex()}")


@contextlib.asynccontextmanager
async def on_a_small_disk(home: Path, *arguments: str) -> AsyncIterator[tuple[Program, SmallDisk, httpx.AsyncClient]]:
    """An index whose home has 24 MiB, and an operator."""
    home.mkdir()
    authorised = {"Authorization": f"Bearer {ADMIN}"}
    async with (
        running(home, *arguments, within=lambda command: on_small_disk(home, *command, mib=SIZE)) as index,
        httpx.AsyncClient(base_url=index.url, headers=authorised, timeout=60) as client,
    ):
        yield index, SmallDisk(home, index.process.pid), client


async def refused(client: httpx.AsyncClient, built: BuiltWheel, *, status: int, code: str, token: str = ADMIN) -> None:
    """The upload is refused with that code, in the body and in the reason phrase."""
    answer = await upload(client, built, token=token)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"].startswith(f"{code}: ")
    assert answer.reason_phrase == answer.json()["message"][:200]


async def goes_on_serving(client: httpx.AsyncClient, *builds: BuiltWheel) -> None:
    """Pages and files, those that somebody asked for before and others."""
    page = await client.get("/simple/acme-chat/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    assert {file["filename"] for file in page.json()["files"]} >= {built.filename for built in builds}
    for built in builds:
        answer = await client.get(f"/files/{built.sha256}/{built.filename}")
        assert answer.content == built.data, answer.text[:1000]
        assert (await client.get(f"/files/{built.sha256}/{built.filename}.metadata")).status_code == 200
    for address in ("/", "/simple/", "/projects/acme-chat/", "/api/plugins", "/api/plugins/enabled", "/healthz", "/readyz", "/metrics"):
        assert (await client.get(address)).status_code == 200, address


async def verified(disk: SmallDisk, home: Path) -> int:
    status, said = await run(*disk.inside(BIN / "plugin-index", "verify", "--home", home))
    assert "orphaned" not in said
    return status


def left(disk: SmallDisk) -> tuple[set[str], list[str]]:
    """The blobs that are kept, and the uploads under way."""
    return {path.name for path in (disk.place / "blobs").rglob("*") if path.is_file()}, [
        path.name for path in (disk.place / "staging").iterdir()
    ]


async def test_a_wheel_for_which_there_is_no_room(tmp_path: Path) -> None:
    async with on_a_small_disk(tmp_path / "home") as (_, disk, client):
        await upload(client, ONE)
        disk.fill(leave=4 * MIB)

        await refused(client, HEAVY, status=507, code="disk-full")

        assert left(disk) == ({ONE.sha256}, [])
        await goes_on_serving(client, ONE)
        assert (await upload(client, TWO)).status_code == 200
        disk.free()
        assert (await upload(client, HEAVY)).status_code == 200
        await goes_on_serving(client, ONE, TWO, HEAVY)


async def test_no_room_at_all(tmp_path: Path) -> None:
    async with on_a_small_disk(tmp_path / "home") as (_, disk, client):
        await upload(client, ONE)
        disk.fill()

        await refused(client, TWO, status=507, code="disk-full")
        answer = await client.post("/api/plugins/chat/enable", json={"reason": "ready"})

        assert (answer.status_code, answer.json()["code"]) == (507, "disk-full")
        assert left(disk) == ({ONE.sha256}, [])
        await goes_on_serving(client, ONE)
        disk.free()
        assert (await upload(client, TWO)).status_code == 200
        assert (await client.post("/api/plugins/chat/enable", json={"reason": "ready"})).status_code == 200
        await goes_on_serving(client, ONE, TWO)


@pytest.mark.parametrize("room", [4096 * pages for pages in (1, 2, 4, 8, 16)])
async def test_room_for_a_part_of_what_an_upload_writes(tmp_path: Path, room: int) -> None:
    """Wherever the disk ends, in the bytes or in the row, there is a whole file or none."""
    async with on_a_small_disk(tmp_path / "home") as (index, disk, client):
        await upload(client, ONE)
        disk.fill(leave=room)

        status = (await upload(client, TWO)).status_code

        kept = {ONE.sha256} if status == 507 else {ONE.sha256, TWO.sha256}
        assert status in {200, 507}
        assert left(disk) == (kept, [])
        await goes_on_serving(client, *(built for built in (ONE, TWO) if built.sha256 in kept))
        assert await verified(disk, index.home) == 0
        disk.free()
        assert (await upload(client, TWO)).status_code == 200
        assert (await upload(client, HEAVY)).status_code == 200
        assert await verified(disk, index.home) == 0


async def test_a_private_index_goes_on_letting_readers_in(tmp_path: Path) -> None:
    """The last use of a token cannot be written, which is no reason to refuse who has it."""
    async with on_a_small_disk(tmp_path / "home", "--private") as (_, disk, client):
        await upload(client, ONE)
        made = await client.post("/api/tokens", json={"name": "a host", "actions": ["read"], "projects": ["*"]})
        disk.fill()

        async with httpx.AsyncClient(base_url=client.base_url, headers={"Authorization": f"Bearer {made.json()['token']}"}) as reader:
            assert (await reader.get(f"/files/{ONE.sha256}/{ONE.filename}")).content == ONE.data
            assert (await reader.get("/simple/acme-chat/")).status_code == 200


async def test_a_home_that_became_read_only(tmp_path: Path) -> None:
    async with on_a_small_disk(tmp_path / "home") as (_, disk, client):
        await upload(client, ONE)
        disk.forbid_writing()

        await refused(client, TWO, status=500, code="home-not-writable")

        assert left(disk) == ({ONE.sha256}, [])
        await goes_on_serving(client, ONE)


async def test_a_home_that_is_read_only_from_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()

    status, said = await run(*on_small_disk(home, BIN / "plugin-index", "serve", "--home", home, "--port", "0", mib=SIZE, read_only=True))

    assert status == 1
    assert "serving on" not in said
    assert f"error[home-not-writable]: {home} cannot be written: Read-only file system" in said
    assert "Traceback" not in said


async def test_a_home_on_a_full_disk_from_the_start(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    serve = f'dd if=/dev/zero of="{home}/filling" bs=4096 2>/dev/null; exec "{BIN}/plugin-index" serve --home "{home}" --port 0'

    status, said = await run(*on_small_disk(home, "sh", "-c", serve, mib=1))

    assert status == 1
    assert "error[disk-full]: " in said
    assert "Traceback" not in said


async def test_a_backup_for_which_there_is_no_room_is_none(tmp_path: Path) -> None:
    home = await filled(tmp_path / "home", *(chat(f"{number}.0", says=f"# {os.urandom(MIB).hex()}") for number in range(4)))
    small = tmp_path / "small"
    small.mkdir()
    script = f'"{BIN}/plugin-index" backup "{small}/backup" --home "{home}"; status=$?; ls "{small}"; exit $status'

    status, said = await run(*on_small_disk(small, "sh", "-c", script, mib=4))

    assert status == 1
    assert said.startswith(f"error[disk-full]: no room is left at {small}/backup")
    assert said.count("\n") == 1
