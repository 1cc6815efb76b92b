"""A web site on a free port that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from plughost.net.client import Client
from plughost.net.rules import Rules, own_origin


@dataclass(frozen=True)
class Request:
    path: str
    headers: Mapping[str, str]


@dataclass
class Reply:
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """Sends what it has and never ends."""
    stream: asyncio.Queue[bytes | None] | None = None
    """What is put into it is sent; None ends it."""


class Site:
    def __init__(self) -> None:
        self.url = ""
        self.pages: dict[str, Reply | Callable[[Request], Reply]] = {}
        self.asked: list[Request] = []
        self._writers: set[asyncio.StreamWriter] = set()

    def put(self, path: str, document: object, *, token: str | None = None, **headers: str) -> None:
        """A JSON document with an ETag of its own contents; asked for what it is, it answers 304, to strangers 401."""
        body = json.dumps(document).encode()
        etag = f'"{hash(body)}"'
        told = {"content-type": "application/json", "etag": etag} | {name.replace("_", "-"): value for name, value in headers.items()}

        def reply(request: Request) -> Reply:
            if token is not None and request.headers.get("authorization") != f"Bearer {token}":
                return Reply(status=401)
            same = request.headers.get("if-none-match") == etag
            return Reply(status=304, headers=told) if same else Reply(body, headers=told)

        self.pages[path] = reply

    def page(self, path: str, body: bytes, content_type: str, *, status: int = 200) -> None:
        """A document that is sent as it is."""
        self.pages[path] = Reply(body, status=status, headers={"content-type": content_type})

    def redirect(self, path: str, to: str) -> None:
        """Another place."""
        self.pages[path] = Reply(status=302, headers={"location": to})

    def hang(self, path: str, body: bytes) -> None:
        """A document that begins and never ends."""
        self.pages[path] = Reply(body, headers={"content-type": "application/json"}, hangs=True)

    def stream(self, path: str) -> asyncio.Queue[bytes | None]:
        """An event stream; what is put into the queue is sent, None ends it."""
        pieces: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.pages[path] = Reply(headers={"content-type": "text/event-stream"}, stream=pieces)
        return pieces

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            request = await _request(reader)
            self.asked.append(request)
            page = self.pages.get(request.path, Reply(status=404))
            await _answer(page if isinstance(page, Reply) else page(request), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    rows = (line.partition(": ") for line in head[1:] if line)
    return Request(head[0].split(" ")[1], {name.lower(): value for name, _, value in rows})


async def _answer(reply: Reply, writer: asyncio.StreamWriter) -> None:
    length = {} if reply.hangs or reply.stream else {"content-length": str(len(reply.body))}
    rows = "".join(f"{name}: {value}\r\n" for name, value in {**reply.headers, **length, "connection": "close"}.items())
    writer.write(f"HTTP/1.1 {reply.status} Said\r\n{rows}\r\n".encode() + reply.body)
    await writer.drain()
    while reply.stream is not None and (piece := await reply.stream.get()) is not None:
        writer.write(piece)
        await writer.drain()
    if reply.hangs:
        await asyncio.Event().wait()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(site.serve(reader, writer))
        tasks.add(task)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield site
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def client(site: Site) -> AsyncIterator[Client]:
    client = Client(Rules([own_origin(site.url)]))
    yield client
    await client.close()
