"""SIGKILL at any moment of an upload leaves no file or a whole file, and nothing that is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from plugin_index.keeping.verifying import verify
from tests.index.keeping.homes import ONE, TWO, blob, filled, rows
from tests.index.program import ADMIN, PATIENCE, Program, chat, running, upload

PROJECT = Path(__file__).parents[3]
PROGRAM = Path(__file__).with_name("dying.py")
SEED = 8
ROUNDS, CLIENTS = 8, 4


def names(home: Path) -> set[str]:
    with rows(home) as database:
        return {row[0] for row in database.execute("SELECT filename FROM files")}


def wrong(home: Path) -> list[str]:
    """What `verify` finds that is worse than bytes without a row."""
    return [finding.detail for finding in verify(home).findings if finding.kind != "orphaned"]


@pytest.mark.parametrize("moment", ["before sync", "after sync", "before keep", "after keep", "before commit", "after commit"])
async def test_a_death_at_each_step_of_an_upload(tmp_path: Path, moment: str) -> None:
    home = await filled(tmp_path / "home", ONE)
    child = await asyncio.create_subprocess_exec(sys.executable, PROGRAM, home, moment, env=os.environ | {"PYTHONPATH": str(PROJECT)})
    async with asyncio.timeout(PATIENCE):
        assert await child.wait() == -signal.SIGKILL

    report = verify(home)

    assert report.sound
    assert names(home) == ({ONE.filename, TWO.filename} if moment == "after commit" else {ONE.filename})
    left = [TWO.sha256] if moment in {"after keep", "before commit"} else []
    assert [finding.subject for finding in report.findings] == left
    await filled(home, TWO)
    assert [*(home / "staging").iterdir()] == []
    assert verify(home).findings == []
    assert blob(home, TWO).read_bytes() == TWO.data


async def test_a_death_while_a_large_upload_arrives(tmp_path: Path) -> None:
    large = chat("9.0", says=f"# {random.Random(SEED).randbytes(8 << 20).hex()}")
    async with running(tmp_path) as index:
        with pytest.raises(httpx.TransportError):
            await cut_off(index, large)
        await index.process.wait()
    assert wrong(tmp_path) == []
    assert names(tmp_path) == set()

    async with running(tmp_path) as index, httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        assert [*(tmp_path / "staging").iterdir()] == []
        assert (await client.get(f"/files/{large.sha256}/{large.filename}")).status_code == 404
        assert (await upload(client, large)).status_code == 200
        assert (await client.get(f"/files/{large.sha256}/{large.filename}")).content == large.data


async def cut_off(index: Program, built: BuiltWheel) -> None:
    """Send most of the wheel, see some of it staged, kill the index, send the rest."""
    head = f'--b\r\nContent-Disposition: form-data; name="content"; filename="{built.filename}"\r\n\r\n'.encode()
    body = head + built.data + b"\r\n--b--\r\n"
    most = len(body) - 1000

    async def sent() -> AsyncIterator[bytes]:
        yield body[:most]
        async with asyncio.timeout(PATIENCE):
            while sum(path.stat().st_size for path in (index.home / "staging").iterdir()) < 1 << 20:
                await asyncio.sleep(0)
        index.process.kill()
        await index.process.wait()
        yield body[most:]

    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "multipart/form-data; boundary=b", "Content-Length": str(len(body))}
    async with httpx.AsyncClient(timeout=60) as client:
        await client.post(f"{index.url}/legacy/", content=sent(), headers=headers)


async def test_deaths_at_random_moments_while_clients_upload(tmp_path: Path) -> None:
    """Each round kills the index when so many uploads were answered, and so many turns of the loop later."""
    chance, answered = random.Random(SEED), dict[str, BuiltWheel]()
    for number in range(ROUNDS):
        enough, reached, before = chance.randrange(0, 12), asyncio.Event(), len(answered)

        async def uploading(
            index: Program, builds: list[BuiltWheel], enough: int = before + enough, reached: asyncio.Event = reached
        ) -> None:
            async with httpx.AsyncClient(base_url=index.url) as client:
                for built in builds:
                    if len(answered) >= enough:
                        reached.set()
                    with contextlib.suppress(httpx.TransportError):
                        if (await upload(client, built)).status_code == 200:
                            answered[built.filename] = built

        async with running(tmp_path) as index:
            builds = [[chat(f"{number}.{client}.{each}") for each in range(20)] for client in range(CLIENTS)]
            clients = [asyncio.create_task(uploading(index, each)) for each in builds]
            async with asyncio.timeout(PATIENCE):
                await reached.wait()
            for _ in range(chance.randrange(200)):
                await asyncio.sleep(0)
            await index.kill()
            await asyncio.gather(*clients)

        assert wrong(tmp_path) == []
        assert names(tmp_path) >= answered.keys()
    async with running(tmp_path) as index, httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        for built in answered.values():
            assert (await client.get(f"/files/{built.sha256}/{built.filename}")).content == built.data
        assert (await upload(client, chat("99.0"))).status_code == 200
