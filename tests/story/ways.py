"""Ways to a server: one that can be closed and opened again at the same address, and one that lets in who has the token."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from starlette.responses import Response

from plughost.testing import served
from plughost.types import ASGIApp, ASGIScope, Receive, Send


class Gate:
    """Carries bytes to a server behind it; while it is closed, connections are refused."""

    def __init__(self, behind: int) -> None:
        self._behind, self._port = behind, 0
        self._server: asyncio.Server | None = None
        self._going: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Refuse what comes, cut what is there."""
        if self._server is not None:
            self._server.close()
        for going in self._going:
            going.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        going = asyncio.create_task(self._through(reader, writer))
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def _through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._behind)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_carried(reader, inner_writer))
                group.create_task(_carried(inner_reader, writer))
        finally:
            for each in (writer, inner_writer):
                each.transport.abort()


@contextlib.asynccontextmanager
async def gated(app: ASGIApp) -> AsyncIterator[Gate]:
    """The application behind an open gate."""
    async with served(app) as url:
        gate = Gate(int(url.rpartition(":")[2]))
        await gate.open()
        try:
            yield gate
        finally:
            await gate.close()


async def _carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


class Guarded:
    """An application that answers those only who bring the token, and remembers what was brought."""

    def __init__(self, app: ASGIApp, token: str | None) -> None:
        self._app, self._token = app, token
        self.brought: set[str | None] = set()

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            brought = dict(scope["headers"]).get(b"authorization")
            self.brought.add(brought and brought.decode())
            if self._token is not None and brought != f"Bearer {self._token}".encode():
                await Response("who are you?", status_code=401)(scope, receive, send)
                return
        await self._app(scope, receive, send)
