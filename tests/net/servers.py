"""Small HTTP servers that answer byte by byte what a test says, well-behaved or not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in; header names in small letters."""

    method: str
    target: str
    headers: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Server:
    """A server and what it was asked."""

    port: int
    scheme: str = "http"
    asked: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def named(self, host: str) -> str:
        """The same server under another name."""
        return f"{self.scheme}://{host}:{self.port}"


def reply(body: bytes = b"", *, status: int = 200, **headers: str) -> Answer:
    """The whole answer at once; header names are written with underscores."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body)
        await writer.drain()

    return answer


def redirect(to: str, status: int = 302) -> Answer:
    return reply(status=status, Location=to)


def dripping(byte: bytes = b"x", *, every: float = 0.01) -> Answer:
    """A body without an end, one byte at a time."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        while True:
            writer.write(byte)
            await writer.drain()
            await asyncio.sleep(every)

    return answer


def raw(*pieces: bytes) -> Answer:
    """Exactly these bytes, then the connection is closed."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        writer.close()

    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first answer first; the last one again and again."""
    left = list(answers)

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return answer


async def silent(_: Request, __: asyncio.StreamWriter) -> None:
    """No answer at all; the connection stays open."""
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def serving(answer: Answer, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on a free port."""
    said = Server(port=0, scheme="https" if tls else "http")
    open_now: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_now.add(task)
        said.connections += 1
        try:
            while request := await _read(reader):
                said.asked.append(request)
                await answer(request, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()
            open_now.discard(task)

    server = await asyncio.start_server(connected, host, 0, ssl=tls)
    said.port = server.sockets[0].getsockname()[1]
    try:
        yield said
    finally:
        server.close()
        for task in list(open_now):
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    pairs = (line.partition(":") for line in head[1:] if line)
    return Request(method=method, target=target, headers={name.lower(): value.strip() for name, _, value in pairs})
