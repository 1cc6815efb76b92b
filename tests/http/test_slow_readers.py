"""A client that does not read an event stream is dropped, with real sockets; the others go on hearing."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from plughost.http import ReasonProtocol, ServerSentEvent, sse

DEADLINE = 60.0
LARGE = "x" * 65536


class Streams:
    """An endless stream of large events for each who asks, by name."""

    def __init__(self) -> None:
        self.begun: dict[str, asyncio.Event] = {}
        self.ended: dict[str, asyncio.Event] = {}

    async def endless(self, name: str) -> AsyncIterator[ServerSentEvent]:
        self.begun.setdefault(name, asyncio.Event()).set()
        try:
            while True:
                await asyncio.sleep(0)
                yield ServerSentEvent(data=LARGE)
        finally:
            self.ended.setdefault(name, asyncio.Event()).set()

    async def answer(self, request: Request) -> Response:
        name = request.path_params["name"]
        return sse(self.endless(name), patience=0.2 if name == "deaf" else DEADLINE)

    async def dropped(self, name: str) -> None:
        async with asyncio.timeout(DEADLINE):
            await self.ended.setdefault(name, asyncio.Event()).wait()


@contextlib.asynccontextmanager
async def serving(streams: Streams) -> AsyncIterator[tuple[uvicorn.Server, int]]:
    app = Starlette(routes=[Route("/{name}", streams.answer)])
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, http=ReasonProtocol, log_config=None, timeout_graceful_shutdown=1))
        task = asyncio.create_task(server._serve([bound]))
        try:
            async with asyncio.timeout(DEADLINE):
                while not server.started:
                    await asyncio.sleep(0.01)
            yield server, bound.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@contextlib.contextmanager
def deaf(port: int) -> Iterator[socket.socket]:
    """A client with little room for what it is sent, which never reads."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.connect(("127.0.0.1", port))
        client.sendall(b"GET /deaf HTTP/1.1\r\nHost: x\r\n\r\n")
        yield client


async def test_who_does_not_read_is_dropped_and_the_others_go_on_hearing(caplog: pytest.LogCaptureFixture) -> None:
    streams = Streams()
    async with serving(streams) as (server, port), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=DEADLINE) as http:
        with deaf(port):
            async with http.stream("GET", "/awake") as answer:
                heard = answer.aiter_bytes()
                await anext(heard)
                waiting = asyncio.ensure_future(streams.dropped("deaf"))
                while not waiting.done():
                    assert await anext(heard)
                await waiting
                assert not streams.ended.get("awake", asyncio.Event()).is_set()
                async with asyncio.timeout(DEADLINE):
                    while len(server.server_state.connections) > 1:
                        await anext(heard)
            await streams.dropped("awake")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
