"""A proxy through which an index stands in for whatever host a client insists on."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from tests.index.clients.authority import Authority

CHUNK = 65536


@contextlib.asynccontextmanager
async def standing_in(url: str, authority: Authority) -> AsyncIterator[str]:
    """The URL of a proxy: a tunnel to any host ends at the index, with a certificate of that host from this authority."""
    where = urlsplit(url)

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = (await reader.readuntil(b"\r\n\r\n")).decode()
        host = asked.split()[1].rpartition(":")[0]
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        await writer.start_tls(_of(host, authority))
        inner, outward = await asyncio.open_connection(where.hostname, where.port)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await asyncio.gather(_carry(reader, outward), _carry(inner, writer))
        await asyncio.gather(_closed(outward), _closed(writer))

    server = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def _of(host: str, authority: Authority) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*authority.issue(host))
    return made


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """All bytes until one side has ended, then the other ends, too."""
    while chunk := await reader.read(CHUNK):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()
