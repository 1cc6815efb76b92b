"""Whatever does not end by itself does not keep the process: clients that take nothing, requests that hear nothing, a loop that hangs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.http.conftest import PATIENCE, Child, Run

UPGRADE = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


@asynccontextmanager
async def a_client_that_reads_nothing(child: Child, path: str, headers: str = "") -> AsyncIterator[None]:
    address = httpx.URL(child.url)
    reader, writer = await asyncio.open_connection(address.host, address.port, limit=1)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode())
    assert not reader.at_eof()
    try:
        yield
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(("path", "headers"), [("/torrent", ""), ("/flood", UPGRADE)])
async def test_a_client_that_takes_nothing_does_not_keep_it(run: Run, path: str, headers: str) -> None:
    child = await run(drain=0.3, cut="none")
    await child.serving()
    async with a_client_that_reads_nothing(child, path, headers):
        await child.says(path[1:])
        assert await child.stop(signal.SIGTERM) == 0
    assert child.said[-1] == "stopped"
    assert "last words" not in child.said
    assert "Traceback" not in child.log.read_text()


async def test_what_is_left_after_the_drain_hears_that_it_is_cancelled_and_the_log_stays_quiet(run: Run) -> None:
    child = await run(drain=0.2, cut="none")
    await child.serving()
    asking = asyncio.create_task(child.http.get("/heard"))
    await child.says("heard")
    assert await child.stop(signal.SIGTERM) == 0
    await asyncio.gather(asking, return_exceptions=True)
    assert child.said[-2:] == ["cancelled", "stopped"]
    assert "Exception in ASGI application" not in child.log.read_text()


async def test_requests_that_come_later_do_not_prolong_the_drain(run: Run) -> None:
    child = await run(cut="none")
    await child.serving()
    slow = asyncio.create_task(child.http.get("/slow"))
    await child.says("slow")
    child.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while (await child.http.get("/quick")).status_code != 503:
            await asyncio.sleep(0.01)
    late = asyncio.create_task(child.http.get("/heard"))
    await child.says("heard")
    await child.http.get("/release")
    assert await child.ended() == 0
    assert (await slow).text == "finished"
    await asyncio.gather(late, return_exceptions=True)
    assert "cancelled" in child.said


async def test_a_loop_that_hangs_does_not_keep_it(run: Run) -> None:
    child = await run(drain=0.1, stop=0.1)
    await child.serving()
    asking = asyncio.create_task(child.http.get("/blocked"))
    await child.says("blocked")
    assert await child.stop(signal.SIGTERM) == 0
    await asyncio.gather(asking, return_exceptions=True)
    assert child.said[-1] == "last words"
    assert "did not end within its deadlines" in child.log.read_text()


async def test_a_thread_that_was_left_does_not_keep_it(run: Run) -> None:
    child = await run(drain=0.1, stop=0.1, lifespan="leaves a thread")
    await child.serving()
    assert await child.stop(signal.SIGTERM) == 0
    assert child.said[-2:] == ["stopped", "last words"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_a_loop_that_hangs(run: Run, number: signal.Signals) -> None:
    child = await run(tells=True)
    await child.serving()
    asking = asyncio.create_task(child.http.get("/blocked"))
    await child.says("blocked")
    child.process.send_signal(signal.SIGTERM)
    await child.says("stopping")
    assert await child.stop(number) == 128 + number
    await asyncio.gather(asking, return_exceptions=True)


async def test_the_loop_may_be_chosen(run: Run) -> None:
    child = await run(loop="asyncio")
    await child.serving()
    assert (await child.http.get("/quick")).text == "yes"
    assert await child.stop(signal.SIGTERM) == 0
