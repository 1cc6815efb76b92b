"""SIGTERM and Ctrl-C: what has begun finishes, what is endless is closed, the exit status is 0."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.story.house import hello
from tests.story.process import child, put

BUSY = """
import asyncio
from fastapi import WebSocket
from fastapi.responses import StreamingResponse

started, release = asyncio.Event(), asyncio.Event()

@router.get("/slow")
async def slow():
    started.set()
    await release.wait()
    return "finished"

@router.get("/started")
async def has_started():
    return started.is_set()

@router.get("/release")
async def let_go():
    release.set()
    return True

@router.get("/endless")
async def endless():
    async def numbers():
        number = 0
        while True:
            yield f"{number}\\n"
            number += 1
            await asyncio.sleep(0.01)
    return StreamingResponse(numbers())

@router.websocket("/talk")
async def talk(socket: WebSocket):
    await socket.accept()
    await socket.send_text("here")
    await socket.receive_text()

@router.get("/deaf")
async def deaf():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_idle_host_ends_with_0(tmp_path: Path, number: signal.Signals) -> None:
    put(tmp_path, hello("1.0"))
    async with child(tmp_path) as host:
        await host.says("/hello/", "1.0")
        assert await host.stop(number) == 0


async def test_endless_streams_and_websockets_do_not_hold_it_up(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0", extra=BUSY))
    async with child(tmp_path, "--drain", "0.5") as host:
        await host.says("/hello/", "1.0")
        async with (
            connect(host.url.replace("http", "ws") + "/hello/talk") as socket,
            host.http.stream("GET", "/hello/endless") as stream,
            host.http.stream("GET", "/api/events", headers={"Authorization": "Bearer the-admin-token-of-a-test"}) as events,
        ):
            assert await socket.recv() == "here"
            assert (await anext(aiter(stream.aiter_lines()))) == "0"
            assert events.status_code == 200
            host.process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
            assert await host.ended() == 0


async def test_what_has_begun_finishes_and_what_is_new_is_refused(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0", extra=BUSY))
    async with child(tmp_path, "--drain", "50") as host:
        await host.says("/hello/", "1.0")
        slow = asyncio.create_task(host.get("/hello/slow"))
        await host.says("/hello/started", expected=True)
        host.process.send_signal(signal.SIGTERM)

        async def refused() -> bool:
            answer = await host.get("/hello/")
            return answer.status_code == 503 and answer.json()["code"] == "host-stopping"

        await host.until(refused, "new requests are refused")
        assert not slow.done()
        host.process.send_signal(signal.SIGTERM)  # a second signal ends it at once
        assert await host.ended() == 128 + signal.SIGTERM
        with pytest.raises(httpx.TransportError):
            await slow


async def test_a_request_that_swallows_its_cancellation_does_not_keep_the_process(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0", extra=BUSY))
    async with child(tmp_path, "--drain", "0.2", "--stop-deadline", "0.5") as host:
        await host.says("/hello/", "1.0")
        deaf = asyncio.create_task(host.get("/hello/deaf"))

        async def visited() -> bool:
            plugin = (await host.ask("GET", "/api/plugins/hello")).json()
            return bool(plugin["generations"][0]["visits"])

        await host.until(visited, "the request runs")
        assert await host.stop() == 0
        await asyncio.gather(deaf, return_exceptions=True)
