"""Requests over a few kept-alive connections, cheap enough that a server is what is measured."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httptools
import uvloop

CONNECTIONS = 4
PATIENCE = 120.0
"""Seconds that the last answers may take longer than was asked for."""


@dataclass(slots=True)
class Tally:
    """What came back; the last one may come after the time is over, so `seconds` reach to it."""

    statuses: Counter[int] = field(default_factory=Counter)
    size: int = 0
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return self.statuses[200] / self.seconds


def ask(port: int, paths: Sequence[str], headers: str, *, seconds: float, count: int | None = None) -> Tally:
    """Ask for these paths, again and again in this order, for so long or so often; anything but a 200 ends the benchmark."""
    requests = [f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n".encode() for path in paths]
    tally = uvloop.run(_asked(port, itertools.islice(itertools.cycle(requests), count), seconds))
    if set(tally.statuses) != {200}:
        raise SystemExit(f"answers other than 200 at {port}{paths[0]}: {tally.statuses}")
    return tally


async def _asked(port: int, requests: Iterator[bytes], seconds: float) -> Tally:
    tally, begun = Tally(), time.perf_counter()
    async with asyncio.timeout(seconds + PATIENCE), asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(_Connection(requests, begun + seconds, tally).run(port))
    tally.seconds = time.perf_counter() - begun
    return tally


class _Connection(asyncio.Protocol):
    """One request at a time; connects anew where the server closes."""

    def __init__(self, requests: Iterator[bytes], until: float, tally: Tally) -> None:
        self._requests, self._until, self._tally = requests, until, tally
        self._over = asyncio.get_running_loop().create_future()

    async def run(self, port: int) -> None:
        self._port = port
        await self._connect()
        await self._over

    async def _connect(self) -> None:
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvloop gives it
        self._transport = transport
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None) if time.perf_counter() < self._until else None
        if request is None:
            self._transport.close()
            self._finish()
        else:
            self._parser = httptools.HttpResponseParser(self)
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._tally.size += len(data)
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._tally.statuses[self._parser.get_status_code()] += 1
        if self._parser.should_keep_alive():
            self._next()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's name
        if not self._over.done():
            self._again = asyncio.get_running_loop().create_task(self._connect())

    def _finish(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
