"""Wheels that are large: what refuses one is read in the client's own output, memory stays flat, others are served meanwhile."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel, wheel
from tests.index.program import ADMIN, BIN, Program, chat, run, running, upload

MIB = 1024 * 1024


def large(megabytes: int, version: str = "1.0") -> BuiltWheel:
    """A wheel that cannot be packed smaller."""
    return wheel("acme-large", version, {"acme_large/__init__.py": "", "acme_large/data.bin": os.urandom(megabytes * MIB)})


async def published(client: str, index: Program, file: Path, token: str) -> tuple[int, str]:
    url = f"{index.url}/legacy/"
    if client == "uv":
        return await run(BIN / "uv", "publish", "--publish-url", url, "--token", token, file)
    account = {"TWINE_REPOSITORY_URL": url, "TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}
    return await run(sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", file, **account)


@pytest.mark.parametrize("client", ["twine", "uv"])
async def test_a_wrong_token_is_told_though_the_body_was_on_its_way(index: Program, folder: Path, client: str) -> None:
    status, said = await published(client, index, large(24).write(folder), "wrong")
    assert status != 0
    assert "403" in said, said
    assert "unknown or has expired" in said, said


@pytest.mark.parametrize("client", ["twine", "uv"])
async def test_a_file_over_the_limit_is_told_though_the_body_was_on_its_way(tmp_path: Path, folder: Path, client: str) -> None:
    async with running(tmp_path / "small", "--max-size", str(MIB)) as index:
        status, said = await published(client, index, large(24).write(folder), ADMIN)
    assert status != 0
    assert "413" in said, said
    assert "larger than 1048576 bytes" in said, said


def peak(process: int) -> int:
    """The most memory that a process ever had, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def form(built: BuiltWheel) -> tuple[bytes, bytes]:
    head = f'--b\r\nContent-Disposition: form-data; name="content"; filename="{built.filename}"\r\n\r\n'.encode()
    return head, b"\r\n--b--\r\n"


async def streamed(index: Program, built: BuiltWheel) -> int:
    head, tail = form(built)

    async def body() -> AsyncIterator[bytes]:
        yield head
        for start in range(0, len(built.data), MIB):
            yield built.data[start : start + MIB]
        yield tail

    headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "multipart/form-data; boundary=b"}
    async with httpx.AsyncClient(base_url=index.url, timeout=120) as client:
        return (await client.post("/legacy/", content=body(), headers=headers)).status_code


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's memory is read from /proc")
async def test_memory_stays_flat_and_pages_are_served_while_four_upload_at_once(index: Program, client: httpx.AsyncClient) -> None:
    assert (await upload(client, chat())).status_code == 200
    before, wheels = peak(index.process.pid), [large(48, f"1.{number}") for number in range(4)]
    uploads = asyncio.gather(*(streamed(index, each) for each in wheels))
    pages = 0
    while not uploads.done():
        assert (await client.get("/simple/acme-chat/")).status_code == 200
        pages += 1
    assert await uploads == [200] * 4
    assert pages > 3
    assert peak(index.process.pid) - before < 40 * MIB
