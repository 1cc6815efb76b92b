"""What was passed through is kept as well as what was uploaded: verified, backed up, collected when nobody offers it any more."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx

from plughost.testing import BuiltWheel
from plugin_index.keeping.collecting import ORPHANED, collect
from plugin_index.storage.home import Home
from tests.index.keeping.homes import blob, command, findings
from tests.index.program import Program, chat
from tests.index.upstream.registry import Registry, passing

METADATA = b"Metadata-Version: 2.1\nName: lib-one\nVersion: 1.0\n"


def built() -> BuiltWheel:
    return chat("1.0", project="lib-one", plugin=None)


def address() -> str:
    return f"/files/{built().sha256}/{built().filename}"


async def got(index: Program) -> None:
    """Have the file and its METADATA passed through."""
    async with httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        assert (await client.get("/simple/lib-one/")).status_code == 200
        assert (await client.get(address())).content == built().data
        assert (await client.get(f"{address()}.metadata")).content == METADATA


async def test_what_was_passed_through_is_verified(tmp_path: Path, registry: Registry) -> None:
    registry.has(built(), metadata=METADATA)
    async with passing(tmp_path / "home", registry.url) as index:
        await got(index)
        assert await findings(index.home) == (0, set())
        blob(index.home, built()).write_bytes(built().data[:-1] + b"!")
        assert await findings(index.home) == (1, {("changed", built().sha256)})


async def test_a_backup_has_what_was_passed_through(tmp_path: Path, registry: Registry) -> None:
    registry.has(built(), metadata=METADATA)
    async with passing(tmp_path / "home", registry.url) as index:
        await got(index)
        assert (await command("backup", tmp_path / "backup", "--home", index.home))[0] == 0
    assert (await command("restore", tmp_path / "backup", "--home", tmp_path / "restored"))[0] == 0
    registry.down = True
    async with passing(tmp_path / "restored", registry.url) as index:
        await got(index)


async def test_what_is_offered_is_kept_until_it_is_offered_no_more(tmp_path: Path, registry: Registry) -> None:
    registry.has(built(), metadata=METADATA)
    async with passing(tmp_path / "home", registry.url) as index:
        await got(index)
    later = time.time() + ORPHANED + 1
    async with Home.opened(tmp_path / "home") as storage:
        assert await collect(storage, at=later, grace=0.0) == (0, 0)
        await storage.write(lambda rows: rows.drop_mirror("lib-one"))
        assert await collect(storage, at=later, grace=0.0) == (2, len(built().data) + len(METADATA))


async def test_a_program_that_dies_while_it_fetches_leaves_nothing(tmp_path: Path, registry: Registry) -> None:
    registry.has(built(), metadata=METADATA)
    registry.gate = asyncio.Event()
    async with passing(tmp_path / "home", registry.url) as index, httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        await client.get("/simple/lib-one/")
        waiting = asyncio.create_task(client.get(address()))
        async with asyncio.timeout(60):
            await registry.waiting.wait()
        await index.kill()
        await asyncio.wait({waiting})
        assert isinstance(waiting.exception(), httpx.TransportError)
    registry.gate.set()
    async with passing(tmp_path / "home", registry.url) as index:
        assert list((index.home / "staging").iterdir()) == []
        await got(index)
