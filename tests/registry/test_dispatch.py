"""Which app a request reaches, and what it is told about where it is."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from plughost.model.owner import Owner, current
from plughost.registry import Dispatch, Mounted, Registry, Unavailable
from plughost.types import ASGIScope, Message, Receive, Send


async def told(scope: ASGIScope, receive: Receive, send: Send) -> None:
    """Says what it was told about where it is."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['root_path']}|{scope['path']}".encode()})


async def called(app: Any, path: str, **scope: Any) -> list[Message]:
    """What an app sends for one request without a body."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "GET", "path": path, "headers": [], **scope}, receive, send)
    return sent


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/chat/rooms/1", "/chat|/chat/rooms/1"),
        ("/chat/", "/chat|/chat/"),
        ("/chat", "/chat|/chat"),
        ("/chat%2Frooms", "/chat|/chat/rooms"),
        ("/chatty/x", "core |/chatty/x"),
        ("/Chat/x", "core |/Chat/x"),
        ("/", "core |/"),
        ("//chat/x", "core |//chat/x"),
    ],
)
async def test_the_first_segment_names_the_plugin(client: httpx.AsyncClient, mount: Any, path: str, seen: str) -> None:
    mount(told)

    assert (await client.get(f"http://host.example.com{path}")).text == seen


@pytest.mark.parametrize(
    ("root", "path", "seen"),
    [
        ("/proxy", "/proxy/chat/x", b"/proxy/chat|/proxy/chat/x"),
        ("/proxy/", "/proxy/chat/x", b"/proxy/chat|/proxy/chat/x"),
        ("/proxy", "/chat/x", b"/proxy/chat|/proxy/chat/x"),
        ("/chat", "/chat/chat/x", b"/chat/chat|/chat/chat/x"),
        ("/proxy", "/proxy", b"core /proxy|/proxy"),
        ("/pro", "/proxy/chat", b"core /pro|/proxy/chat"),
    ],
)
async def test_the_segment_after_the_incoming_root_path_counts(dispatch: Dispatch, mount: Any, root: str, path: str, seen: bytes) -> None:
    mount(told)

    _, body = await called(dispatch, path, root_path=root)

    assert body["body"] == seen


async def test_the_lifespan_is_the_fallbacks() -> None:
    seen = []

    async def fallback(scope: ASGIScope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    await Dispatch(Registry(), fallback)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]  # nothing is received or sent

    assert seen == ["lifespan"]


async def test_a_plugin_without_routes_leaves_its_mount_to_the_core(client: httpx.AsyncClient, mount: Any) -> None:
    mount(None)

    assert (await client.get("/chat/x")).text == "core |/chat/x"


async def test_a_request_carries_its_plugins_state_beside_what_came_with_it(dispatch: Dispatch, mount: Any) -> None:
    seen = {}

    async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
        seen.update(scope["state"])

    mount(app, state={"context": "chat's", "user": "chat's"})
    incoming = {"user": "the core's", "session": "s"}
    await called(dispatch, "/chat/x", root_path="", state=incoming)

    assert seen == {"context": "chat's", "user": "chat's", "session": "s"}
    assert incoming == {"user": "the core's", "session": "s"}


async def test_a_request_runs_as_its_owner_and_leaves_no_trace_of_it(dispatch: Dispatch, mount: Any) -> None:
    seen: list[Owner | None] = []

    async def app(scope: ASGIScope, receive: Receive, send: Send) -> None:
        seen.append(current.get())

    mounted: Mounted = mount(app)
    await called(dispatch, "/chat/x", root_path="")

    assert seen == [mounted.owner]
    assert current.get() is None
    assert len(mounted.visits) == 0


@pytest.mark.parametrize("code", ["plugin-starting", "plugin-failed", "plugin-quarantined", "plugin-stopping"])
async def test_a_mount_that_cannot_serve_says_why_and_when_to_come_back(client: httpx.AsyncClient, registry: Registry, code: str) -> None:
    registry.announce(Unavailable(mount="chat", plugin="chat", code=code, detail="chat is not there; come back", retry_after=2))

    answer = await client.get("/chat/rooms")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() | {"code": code, "plugin": "chat", "detail": "chat is not there; come back"} == answer.json()


async def test_a_websocket_to_such_a_mount_is_denied_with_the_same_problem(dispatch: Dispatch, registry: Registry, serve: Any) -> None:
    registry.announce(Unavailable(mount="chat", plugin="chat", code="plugin-starting", detail="a moment", retry_after=2))

    with pytest.raises(InvalidStatus) as denied:
        await connect(f"ws://{await serve(dispatch)}/chat/room")

    assert (denied.value.response.status_code, denied.value.response.headers["retry-after"]) == (503, "2")


async def test_where_a_server_cannot_deny_it_is_closed(dispatch: Dispatch, registry: Registry) -> None:
    registry.announce(Unavailable(mount="chat", plugin="chat", code="plugin-starting", detail="a moment"))

    assert await called(dispatch, "/chat/room", type="websocket", root_path="") == [{"type": "websocket.close", "code": 1013}]


async def test_a_mount_that_is_not_there_any_more_is_the_cores(client: httpx.AsyncClient, mount: Any, registry: Registry) -> None:
    registry.unmount(mount(told))

    assert (await client.get("/chat/x")).text == "core |/chat/x"


async def test_a_websocket_reaches_its_plugin(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    async def echo(scope: ASGIScope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        message = await receive()
        await send({"type": "websocket.send", "text": f"{scope['path']} {message['text']}"})
        await send({"type": "websocket.close", "code": 4000})

    mount(echo)
    async with connect(f"ws://{await serve(dispatch)}/chat/room") as room:
        await room.send("hello")
        assert await room.recv() == "/chat/room hello"
        with pytest.raises(ConnectionClosed) as closed:
            await room.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4000
