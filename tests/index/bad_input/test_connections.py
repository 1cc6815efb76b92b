"""Clients that are slow, stop half-way or lie, with real sockets: each connection ends, and the others never notice."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from plughost.http import ReasonProtocol
from plughost.testing import wheel
from plugin_index.app import PluginIndex
from plugin_index.bodies import Pace
from tests.index.program import ADMIN, PATIENCE, chat, running, upload

HEAD = "POST /legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
PART = '--b\r\nContent-Disposition: form-data; name="content"; filename="acme_chat-1.0-py3-none-any.whl"\r\n\r\n'


class Quick(ReasonProtocol):
    """The same with little patience."""

    head_seconds = 0.4
    rest_seconds = 0.4
    take_seconds = 0.4


@contextlib.asynccontextmanager
async def serving(home: Path, pace: Pace, http: type[asyncio.Protocol] = Quick) -> AsyncIterator[str]:
    """An index in this process; its URL."""
    config = uvicorn.Config(PluginIndex(home, admin=ADMIN, pace=pace), port=0, http=http, lifespan="on", log_config=None)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """An index that waits 0.4 s for a byte, and 1.5 s for an upload."""
    async with serving(tmp_path, Pace(silence=0.4, deadline=1.5, call=0.4)) as url:
        yield url


class Wire:
    """A connection by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def say(self, text: str | bytes) -> None:
        self._writer.write(text if isinstance(text, bytes) else text.encode("latin-1"))
        await self._writer.drain()

    async def head(self) -> str:
        """The next answer's head."""
        async with asyncio.timeout(PATIENCE):
            return (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")

    async def rest(self) -> str:
        """Everything until the server ends the connection, in whichever way."""
        said = b""
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE):
                while more := await self._reader.read(65536):
                    said += more
        return said.decode("latin-1")

    async def trickle(self, piece: bytes) -> str:
        """Say it again and again until the server ends the connection; all that it said."""
        ended = asyncio.ensure_future(self.rest())
        while not ended.done():
            with contextlib.suppress(ConnectionError):
                await self.say(piece)
            await asyncio.wait({ended}, timeout=0.05)
        return await ended


@contextlib.asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    address = httpx.URL(url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def fine(url: str, home: Path) -> None:
    """The server serves, and nothing half is left."""
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        assert (await upload(client, chat())).status_code == 200
    assert list((home / "staging").iterdir()) == []


@pytest.mark.parametrize("said", [PART, PART + "x" * 100_000, "", "--b\r\nContent-Dispo"])
@pytest.mark.parametrize("framing", ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
async def test_an_upload_that_falls_silent_is_told_so_and_ended(url: str, tmp_path: Path, said: str, framing: str) -> None:
    async with wired(url) as wire:
        chunk = f"{len(said):x}\r\n{said}\r\n" if said and "chunked" in framing else said
        await wire.say(f"{HEAD.format(token=ADMIN)}{framing}\r\n\r\n{chunk}")
        answer = await wire.rest()
    assert answer.startswith("HTTP/1.1 408 nothing of the upload arrived for 0.4 s")
    assert "connection: close" in answer
    assert '"code": "upload-too-slow' in answer
    await fine(url, tmp_path)


async def test_the_program_is_told_how_long_it_waits(tmp_path: Path) -> None:
    async with running(tmp_path, "--upload-silence", "0.5", "--upload-deadline", "60") as index, wired(index.url) as wire:
        await wire.say(f"{HEAD.format(token=ADMIN)}Content-Length: 9000000\r\n\r\n{PART}")
        assert (await wire.rest()).startswith("HTTP/1.1 408 nothing of the upload arrived for 0.5 s, or not all of it in 60 s")


async def test_an_upload_that_trickles_ends_at_its_deadline(url: str, tmp_path: Path) -> None:
    async with wired(url) as wire:
        await wire.say(f"{HEAD.format(token=ADMIN)}Transfer-Encoding: chunked\r\n\r\n{len(PART):x}\r\n{PART}\r\n")
        answer = await wire.trickle(b"1\r\nx\r\n")
    assert answer.startswith("HTTP/1.1 408 nothing of the upload arrived for 0.4 s, or not all of it in 1.5 s")
    await fine(url, tmp_path)


@pytest.mark.parametrize("framing", ["Content-Length: 9000000", "Transfer-Encoding: chunked"])
async def test_the_rest_of_an_upload_that_was_refused_does_not_come_for_ever(url: str, tmp_path: Path, framing: str) -> None:
    async with wired(url) as wire:
        await wire.say(f"{HEAD.format(token='wrong')}{framing}\r\n\r\n")
        assert (await wire.head()).startswith("HTTP/1.1 403 the token is unknown or has expired")
        await wire.trickle(b"1\r\nx\r\n" if "chunked" in framing else b"x")
    await fine(url, tmp_path)


@pytest.mark.parametrize("piece", [b"\r\n", b"", b"G", b"X-More: y\r\n"])
@pytest.mark.parametrize("before", ["", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "GET /simple/ HTTP/1.1\r\n"])
async def test_a_head_that_does_not_end_is_not_waited_for(url: str, tmp_path: Path, before: str, piece: bytes) -> None:
    async with wired(url) as wire:
        await wire.say(before)
        said = await wire.trickle(piece)
    assert said.count("HTTP/1.1 4") <= 1  # then the connection ended
    await fine(url, tmp_path)


async def test_a_head_that_is_too_large_is_refused(url: str) -> None:
    async with wired(url) as wire:
        await wire.say("GET /simple/ HTTP/1.1\r\nHost: x\r\n")
        assert "431" in await wire.trickle(b"X-More: " + b"y" * 20_000 + b"\r\n")


async def test_nothing_stands_in_the_middle_of_an_answer(url: str) -> None:
    async with wired(url) as wire:
        await wire.say("GET /api/plugins/events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await wire.head()).startswith("HTTP/1.1 200")
        await wire.say("GET /slow HTTP/1.1\r\nX: ")
        assert "HTTP/1.1" not in await wire.rest()


@pytest.mark.parametrize(("token", "status"), [("wrong", "403"), ("", "401")])
async def test_who_asks_before_sending_hears_the_refusal_and_sends_nothing(url: str, token: str, status: str) -> None:
    async with wired(url) as wire:
        head = HEAD.format(token=token) if token else HEAD.format(token="").replace("Authorization: Bearer \r\n", "")
        await wire.say(f"{head}Expect: 100-continue\r\nContent-Length: 500000000\r\n\r\n")
        assert (await wire.head()).startswith(f"HTTP/1.1 {status} ")


async def test_who_asks_before_sending_more_than_is_taken_hears_that(tmp_path: Path) -> None:
    async with serving(tmp_path, Pace()) as url, wired(url) as wire:
        await wire.say(f"{HEAD.format(token=ADMIN)}Expect: 100-continue\r\nContent-Length: {1 << 40}\r\n\r\n")
        assert (await wire.head()).startswith("HTTP/1.1 413 ")


async def test_who_asks_before_sending_and_may_is_told_to_go_on(url: str) -> None:
    text = f"{PART}no wheel\r\n--b--\r\n"
    async with wired(url) as wire:
        await wire.say(f"{HEAD.format(token=ADMIN)}Expect: 100-continue\r\nContent-Length: {len(text)}\r\n\r\n")
        assert (await wire.head()).startswith("HTTP/1.1 100 ")
        await wire.say(text)
        assert (await wire.head()).startswith("HTTP/1.1 400 ")


@pytest.mark.parametrize(
    "request_text",
    [
        "Content-Length: 10\r\n\r\n--b--\r\nGET /evil HTTP/1.1\r\n\r\n",
        "Content-Length: 10\r\nContent-Length: 20\r\n\r\n",
        "Content-Length: -1\r\n\r\n",
        "Content-Length: 99999999999999999999999999\r\n\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: gzip, chunked, x\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ],
)
async def test_a_length_that_lies_is_refused(url: str, tmp_path: Path, request_text: str) -> None:
    async with wired(url) as wire:
        await wire.say(HEAD.format(token=ADMIN) + request_text)
        answer = await wire.rest()
    assert answer.startswith("HTTP/1.1 4")
    assert "HTTP/1.1 2" not in answer
    await fine(url, tmp_path)


async def test_an_upload_that_stops_half_way_leaves_nothing(url: str, tmp_path: Path) -> None:
    async with wired(url) as wire:
        await wire.say(f"{HEAD.format(token=ADMIN)}Content-Length: 9000000\r\n\r\n{PART}{'x' * 200_000}")
    await fine(url, tmp_path)


async def test_the_call_of_an_api_that_falls_silent_is_told_so_and_ended(url: str) -> None:
    async with wired(url) as wire:
        head = f"POST /api/tokens HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: application/json\r\n"
        await wire.say(head + "Content-Length: 100\r\n\r\n{")
        answer = await wire.rest()
    assert answer.startswith("HTTP/1.1 408 ")
    assert '"code": "request-too-slow"' in answer


async def test_a_download_that_nobody_takes_ends(tmp_path: Path) -> None:
    built = wheel("acme-large", "1.0", {"acme_large.py": "", "noise.bin": random.Random(1).randbytes(16 << 20)})
    path, ended = f"/files/{built.sha256}/{built.filename}", asyncio.Queue[int]()

    class Watched(Quick):
        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            assert self.client is not None
            ended.put_nowait(self.client[1])

    async with serving(tmp_path, Pace(), Watched) as url, httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
        assert (await upload(client, built)).status_code == 200
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((httpx.URL(url).host, httpx.URL(url).port))
            deaf.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with asyncio.timeout(PATIENCE):
                while await ended.get() != deaf.getsockname()[1]:
                    pass
        assert (await client.get(path)).content == built.data


async def test_many_slow_ones_are_in_nobody_s_way(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack, serving(tmp_path, Pace()) as url:
        slow = [await stack.enter_async_context(wired(url)) for _ in range(100)]
        for wire in slow:
            await wire.say(f"{HEAD.format(token=ADMIN)}Content-Length: 9000000\r\n\r\n{PART}")
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            assert (await upload(client, chat())).status_code == 200
            assert (await client.get("/simple/acme-chat/")).status_code == 200
        await stack.aclose()
