"""What escapes a plugin's app ends with its request."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plughost.registry import Dispatch, Mounted
from plughost.types import ASGIScope, Receive, Send


def raising(error: BaseException, *before: dict[str, Any]) -> Any:
    async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
        for message in before:
            await send(message)
        raise error

    return app


@pytest.mark.parametrize(
    "error", [ValueError("no"), SystemExit(3), asyncio.CancelledError(), BaseExceptionGroup("a group", [SystemExit()])]
)
async def test_it_is_answered_as_a_plugin_error(client: httpx.AsyncClient, mount: Any, error: BaseException) -> None:
    mount(raising(error))

    answer = await client.get("/chat/rooms")

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json() | {"code": "plugin-error", "plugin": "chat"} == answer.json()


async def test_it_is_logged_with_whose_it_was(client: httpx.AsyncClient, mount: Any, caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("no")
    mounted: Mounted = mount(raising(error))
    await client.get("/chat/rooms")

    [record] = [record for record in caplog.records if record.name == "plughost.plugin"]

    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[1] is error
    said = {name: getattr(record, name) for name in ("plugin", "version", "generation", "request")}
    assert said == {"plugin": "chat", "version": "1.0", "generation": mounted.owner.generation, "request": "GET /chat/rooms"}


async def test_an_answer_that_has_begun_is_not_answered_again(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"10")]}
    mount(raising(ValueError("no"), start, {"type": "http.response.body", "body": b"half", "more_body": True}))

    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"http://{await serve(dispatch)}/chat/rooms")


async def test_an_app_that_answers_its_own_errors_is_left_to_it(client: httpx.AsyncClient, mount: Any) -> None:
    app = FastAPI()

    @app.get("/rooms")
    async def rooms() -> None:
        raise ValueError("no")

    mount(app)
    answer = await client.get("/chat/rooms")

    assert (answer.status_code, answer.text) == (500, "Internal Server Error")


async def test_what_is_raised_after_an_answer_changes_nothing(client: httpx.AsyncClient, mount: Any) -> None:
    start = {"type": "http.response.start", "status": 200, "headers": []}
    mount(raising(ValueError("in a background task"), start, {"type": "http.response.body", "body": b"whole"}))

    assert (await client.get("/chat/rooms")).text == "whole"


async def test_a_request_that_its_server_cancels_stays_cancelled(client: httpx.AsyncClient, mount: Any) -> None:
    inside = asyncio.Event()

    async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
        inside.set()
        await asyncio.Event().wait()

    mounted: Mounted = mount(app)
    request = asyncio.create_task(client.get("/chat/rooms"))
    await inside.wait()
    request.cancel()

    with pytest.raises(asyncio.CancelledError):
        await request
    assert len(mounted.visits) == 0


async def test_a_websocket_is_closed_with_1011(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    mount(raising(ValueError("no"), {"type": "websocket.accept"}))

    async with connect(f"ws://{await serve(dispatch)}/chat/room") as room:
        with pytest.raises(ConnectionClosed) as closed:
            await room.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


async def test_a_websocket_that_was_not_accepted_yet_is_denied(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    mount(raising(ValueError("no")))

    with pytest.raises(InvalidStatus) as denied:
        await connect(f"ws://{await serve(dispatch)}/chat/room")

    assert denied.value.response.status_code == 500


async def test_a_client_that_leaves_makes_no_plugin_error(
    dispatch: Dispatch, mount: Any, serve: Any, caplog: pytest.LogCaptureFixture
) -> None:
    app, ended = FastAPI(), asyncio.Event()

    @app.websocket("/room")
    async def room(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            await websocket.receive_text()

    async def watched(scope: ASGIScope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        finally:
            ended.set()

    mount(watched)
    async with connect(f"ws://{await serve(dispatch)}/chat/room"):
        pass
    await asyncio.wait_for(ended.wait(), 20)

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
