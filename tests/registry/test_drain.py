"""How the visits of a generation end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from fastapi.responses import StreamingResponse
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plughost.registry import Dispatch, Mounted, Registry
from plughost.types import ASGIScope, Message, Receive, Send

OK = {"type": "http.response.start", "status": 200, "headers": []}


class Inside:
    """An app that says when a request is inside, and then waits in a way of its own."""

    def __init__(self, wait: Callable[[ASGIScope, Receive, Send], Any]) -> None:
        self.entered, self.wait = asyncio.Event(), wait
        self.seen: list[Any] = []

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        self.entered.set()
        self.seen.append(await self.wait(scope, receive, send))


async def forever(scope: ASGIScope, receive: Receive, send: Send) -> None:
    await asyncio.Event().wait()


async def listening(scope: ASGIScope, receive: Receive, send: Send) -> Message:
    """Reads until something comes that is no part of the request."""
    while (message := await receive())["type"] in {"http.request", "websocket.connect"}:
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
    return message


async def begun(inside: Inside, call: Any) -> asyncio.Task[Any]:
    task: asyncio.Task[Any] = asyncio.ensure_future(call)
    async with asyncio.timeout(60):
        await inside.entered.wait()
    return task


def errors(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "plughost.plugin" and record.levelno > logging.INFO]


async def test_without_visits_it_is_over_at_once(registry: Registry, mount: Any) -> None:
    assert await registry.drain(mount(forever), 1000) == ()


async def test_it_waits_for_what_has_begun(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    go = asyncio.Event()

    async def slow(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await go.wait()
        await send(OK)
        await send({"type": "http.response.body", "body": b"old"})

    inside = Inside(slow)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))
    mount(forever)
    drain = asyncio.create_task(registry.drain(old, 1000))
    await asyncio.sleep(0)
    assert (len(old.visits), drain.done()) == (1, False)
    go.set()

    assert (await request).text == "old"
    assert await drain == ()


async def test_who_waits_for_the_client_hears_that_it_is_gone(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    inside = Inside(listening)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))

    assert await registry.drain(old, 0) == ()
    assert inside.seen == [{"type": "http.disconnect"}]
    answer = await request
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "plugin-stopping", "1")


async def test_a_child_task_that_waits_for_the_client_hears_it(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    async def in_a_group(scope: ASGIScope, receive: Receive, send: Send) -> list[Message]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(listening(scope, receive, send)) for _ in range(2)]
        return [task.result() for task in tasks]

    inside = Inside(in_a_group)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))

    assert await registry.drain(old, 0) == ()
    assert inside.seen == [[{"type": "http.disconnect"}] * 2]
    assert (await request).status_code == 503


async def test_who_streams_on_cannot_send_any_more(
    registry: Registry, dispatch: Dispatch, mount: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ended: list[BaseException] = []

    async def stream(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await send(OK)
        try:
            while True:
                await send({"type": "http.response.body", "body": b"more", "more_body": True})
                await asyncio.sleep(0)
        except OSError as error:
            ended.append(error)
            raise

    old: Mounted = mount(stream)
    async with httpx.AsyncClient() as client, client.stream("GET", f"http://{await serve(dispatch)}/chat/x") as answer:
        parts = answer.aiter_bytes()
        await anext(parts)
        assert await registry.drain(old, 0) == ()
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in parts:
                pass

    assert len(ended) == 1
    assert errors(caplog) == []


async def test_an_answer_that_had_not_begun_may_still_be_given(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    async def late(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await listening(scope, receive, send)
        await send(OK)
        await send({"type": "http.response.body", "body": b"just in time"})

    inside = Inside(late)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))
    await registry.drain(old, 0)

    assert (await request).text == "just in time"


async def test_who_hears_nothing_is_cancelled_a_second_later(
    registry: Registry, client: httpx.AsyncClient, mount: Any, caplog: pytest.LogCaptureFixture
) -> None:
    inside = Inside(forever)
    old: Mounted = mount(inside)
    cancelling = []

    async def call() -> httpx.Response:
        answer = await client.get("/chat/x")
        task = asyncio.current_task()
        cancelling.append(task and task.cancelling())
        return answer

    request = await begun(inside, call())

    assert await registry.drain(old, 0) == ()
    answer = await request
    assert (answer.status_code, answer.json()["code"]) == (503, "plugin-stopping")
    assert cancelling == [0]
    assert errors(caplog) == []


async def test_what_is_raised_after_the_deadline_is_no_plugin_error(
    registry: Registry, client: httpx.AsyncClient, mount: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def raises(scope: ASGIScope, receive: Receive, send: Send) -> None:
        try:
            await forever(scope, receive, send)
        finally:
            raise ValueError("while being cancelled")

    inside = Inside(raises)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))
    await registry.drain(old, 0)

    assert (await request).json()["code"] == "plugin-stopping"
    assert errors(caplog) == []


async def test_who_swallows_cancellation_is_named_and_left(
    registry: Registry, client: httpx.AsyncClient, mount: Any, caplog: pytest.LogCaptureFixture
) -> None:
    go = asyncio.Event()

    async def deaf(scope: ASGIScope, receive: Receive, send: Send) -> None:
        while not go.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await go.wait()

    inside = Inside(deaf)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/deaf"))

    assert await registry.drain(old, 0) == ("GET /chat/deaf",)
    [record] = errors(caplog)
    assert (record.__dict__["plugin"], record.__dict__["visits"]) == ("chat", ("GET /chat/deaf",))
    go.set()
    assert (await request).status_code == 503
    assert len(old.visits) == 0


async def test_a_second_drain_with_an_earlier_deadline_cuts_the_first_short(
    registry: Registry, client: httpx.AsyncClient, mount: Any
) -> None:
    inside = Inside(forever)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))
    first = asyncio.create_task(registry.drain(old, 1000))
    await asyncio.sleep(0)

    assert await registry.drain(old, 0) == ()
    assert await first == ()
    assert (await request).status_code == 503


async def test_a_stop_of_the_server_during_a_drain_is_passed_on(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    inside = Inside(listening)
    old: Mounted = mount(inside)
    request = await begun(inside, client.get("/chat/x"))
    drain = asyncio.create_task(registry.drain(old, 0))
    while not old.visits.over:
        await asyncio.sleep(0)
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert await drain == ()


@pytest.mark.parametrize("wait", ["listening", "deaf"])
async def test_an_open_websocket_is_closed_with_1012(
    registry: Registry, dispatch: Dispatch, mount: Any, serve: Any, caplog: pytest.LogCaptureFixture, wait: str
) -> None:
    async def deaf(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await forever(scope, receive, send)

    old: Mounted = mount(listening if wait == "listening" else deaf)
    async with connect(f"ws://{await serve(dispatch)}/chat/room") as room:
        drain = asyncio.create_task(registry.drain(old, 0))
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(room.recv(), 20)
        assert await drain == ()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert errors(caplog) == []


async def test_one_that_is_accepted_after_the_deadline_is_closed_with_1012_too(
    registry: Registry, dispatch: Dispatch, mount: Any, serve: Any
) -> None:
    async def late(scope: ASGIScope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "websocket.disconnect":
            pass
        await send({"type": "websocket.accept"})
        await forever(scope, receive, send)

    inside = Inside(late)
    old: Mounted = mount(inside)
    connection = await begun(inside, connect(f"ws://{await serve(dispatch)}/chat/room").__aenter__())
    assert await registry.drain(old, 0) == ()

    with pytest.raises(ConnectionClosed) as closed:
        await (await connection).recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_websocket_that_was_not_accepted_yet_is_denied(registry: Registry, dispatch: Dispatch, mount: Any, serve: Any) -> None:
    async def undecided(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()

    inside = Inside(undecided)
    old: Mounted = mount(inside)
    address = await serve(dispatch)
    room = await begun(inside, connect(f"ws://{address}/chat/room").__aenter__())
    assert await registry.drain(old, 0) == ()

    with pytest.raises(InvalidStatus) as denied:
        await room
    assert denied.value.response.status_code == 503


async def test_what_fastapi_makes_of_it_is_no_plugin_error_either(
    registry: Registry, dispatch: Dispatch, mount: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def ticks() -> AsyncIterator[str]:
            yield "tick"
            await asyncio.Event().wait()

        return StreamingResponse(ticks())

    @app.websocket("/room")
    async def room(websocket: WebSocket) -> None:
        await websocket.accept()
        async for _ in websocket.iter_text():
            pass

    @app.middleware("http")
    async def through(request: Any, call_next: Any) -> Any:
        return await call_next(request)

    old: Mounted = mount(app)
    address = await serve(dispatch)
    async with (
        connect(f"ws://{address}/chat/room") as open_room,
        httpx.AsyncClient() as client,
        client.stream("GET", f"http://{address}/chat/stream") as answer,
    ):
        parts = answer.aiter_text()
        assert await anext(parts) == "tick"
        while len(old.visits) < 2:
            await asyncio.sleep(0)

        assert await registry.drain(old, 0) == ()
        with pytest.raises(ConnectionClosed):
            await open_room.recv()
        with contextlib.suppress(httpx.RemoteProtocolError):
            async for _ in parts:
                pass
    assert errors(caplog) == []


async def test_swaps_under_load_lose_no_request(registry: Registry, client: httpx.AsyncClient, mount: Any) -> None:
    def release(number: int) -> Any:
        stopped = False

        async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0)
            assert not stopped, "a request runs in a release that has stopped"
            await send(OK)
            await send({"type": "http.response.body", "body": str(number).encode()})

        def stop() -> None:
            nonlocal stopped
            stopped = True

        return app, stop

    async def swap() -> None:
        app, stop = release(0)
        serving = mount(app)
        for number in range(1, 200):
            app, stop_next = release(number)
            old, serving = serving, mount(app)
            await registry.drain(old, 1000)
            stop()
            stop = stop_next

    async def load(swaps: asyncio.Task[None]) -> list[int]:
        answers = []
        while not swaps.done():
            answer = await client.get("/chat/x")
            assert answer.status_code == 200
            answers.append(int(answer.text))
        return answers

    swaps = asyncio.create_task(swap())
    await asyncio.sleep(0)
    for answers in await asyncio.gather(*(load(swaps) for _ in range(8))):
        assert answers == sorted(answers)
    await swaps
