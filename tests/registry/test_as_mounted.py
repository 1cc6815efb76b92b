"""A FastAPI app behaves under its mount as it does in an app of its own, or under Starlette's Mount."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Form, HTTPException, Request, Response, UploadFile, WebSocket
from fastapi.responses import HTMLResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from websockets.asyncio.client import connect

from plughost.registry import Dispatch, Registry


def unit(router: APIRouter) -> FastAPI:
    """A router served as one app, as the runtime does it."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.router = router
    return app


def context(request: Request) -> str:
    return str(request.state.context)


router = APIRouter()


@router.get("/")
async def home() -> str:
    return "home"


@router.get("/rooms/{room}")
async def one(room: int) -> int:
    return room


@router.post("/rooms/")
async def add() -> str:
    return "added"


@router.get("/link")
async def link(request: Request) -> str:
    return str(request.url_for("one", room=7))


@router.get("/missing")
async def missing() -> None:
    raise HTTPException(404, "no such thing")


def plain() -> FastAPI:
    """The same routes in an app of the author's."""
    app = FastAPI()
    app.include_router(router)
    return app


CALLS = [
    ("GET", "/chat"),
    ("POST", "/chat"),
    ("GET", "/chat/"),
    ("HEAD", "/chat/"),
    ("OPTIONS", "/chat/"),
    ("PUT", "/chat/"),
    ("GET", "/chat/rooms/7"),
    ("GET", "/chat/rooms/seven"),
    ("GET", "/chat/rooms/7/"),
    ("DELETE", "/chat/rooms/7"),
    ("POST", "/chat/rooms"),
    ("POST", "/chat/rooms/"),
    ("GET", "/chat/link"),
    ("GET", "/chat/missing"),
    ("GET", "/chat/nothing"),
    ("GET", "/chat/rooms/7?q=a%20b"),
    ("GET", "/chat//rooms/7"),
]


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize("make", [plain, lambda: unit(router)], ids=["app", "router"])
async def test_it_answers_as_under_starlettes_mount(method: str, path: str, make: Any, mount: Any, client: httpx.AsyncClient) -> None:
    app, core = make(), FastAPI()
    core.mount("/chat", app)
    mount(app)
    transport = httpx.ASGITransport(core)
    async with httpx.AsyncClient(transport=transport, base_url="http://host.example.com") as mounted:
        expected = await mounted.request(method, path)

    answer = await client.request(method, path)

    assert (answer.status_code, answer.headers, answer.text) == (expected.status_code, expected.headers, expected.text)


async def test_the_mount_without_a_slash_leads_to_the_app_with_one(client: httpx.AsyncClient, mount: Any) -> None:
    mount(unit(router))

    answer = await client.get("/chat?a=1")

    assert (answer.status_code, answer.headers["location"]) == (307, "http://host.example.com/chat/?a=1")
    assert (await client.get("/chat", follow_redirects=True)).json() == "home"


async def test_a_route_with_an_empty_path_is_the_mount_itself(client: httpx.AsyncClient, mount: Any) -> None:
    bare = APIRouter()

    @bare.get("")
    async def here() -> str:
        return "here"

    mount(unit(bare))

    assert (await client.get("/chat")).json() == "here"
    assert (await client.get("/chat/", follow_redirects=True)).status_code == 404


async def test_links_know_the_mount_and_the_proxy_before_it(mount: Any, registry: Registry, dispatch: Dispatch) -> None:
    mount(unit(router))
    transport = httpx.ASGITransport(dispatch, root_path="/proxy")
    async with httpx.AsyncClient(transport=transport, base_url="http://host.example.com") as client:
        assert (await client.get("/proxy/chat/link")).json() == "http://host.example.com/proxy/chat/rooms/7"
        assert (await client.get("/proxy/chat")).headers["location"] == "http://host.example.com/proxy/chat/"


async def test_an_app_keeps_its_documentation_under_its_mount(client: httpx.AsyncClient, mount: Any) -> None:
    mount(FastAPI())

    assert (await client.get("/chat/openapi.json")).json()["servers"] == [{"url": "/chat"}]
    assert "/chat/openapi.json" in (await client.get("/chat/docs")).text


async def test_dependencies_forms_uploads_and_background_tasks_work(client: httpx.AsyncClient, mount: Any) -> None:
    app = FastAPI()
    done: list[str] = []

    @app.post("/send")
    async def send(who: Annotated[str, Depends(context)], text: Annotated[str, Form()], file: UploadFile, after: BackgroundTasks) -> str:
        after.add_task(done.append, text)
        return f"{who} {text} {(await file.read()).decode()}"

    mount(app, state={"context": "chat's"})
    answer = await client.post("/chat/send", data={"text": "hello"}, files={"file": b"bytes"})

    assert (answer.json(), done) == ("chat's hello bytes", ["hello"])


async def test_static_files_and_pages_work(client: httpx.AsyncClient, mount: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<h1>chat</h1>")
    app = FastAPI()
    app.mount("/files", StaticFiles(directory=tmp_path, html=True), name="files")

    @app.get("/page", response_class=HTMLResponse)
    async def page(request: Request) -> str:
        return str(request.url_for("files", path="/index.html"))

    mount(app)

    assert (await client.get("/chat/files/")).text == "<h1>chat</h1>"
    assert (await client.get("/chat/files")).headers["location"] == "http://host.example.com/chat/files/"
    assert (await client.get("/chat/page")).text == "http://host.example.com/chat/files/index.html"


async def test_an_apps_own_middleware_and_exception_handlers_work(client: httpx.AsyncClient, mount: Any) -> None:
    class Stamp(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await call_next(request)
            response.headers["x-stamp"] = request.scope["root_path"]
            return response

    app = FastAPI()
    app.add_middleware(Stamp)

    @app.exception_handler(ValueError)
    async def handler(request: Request, error: Exception) -> Response:
        return Response(str(error), 418)

    @app.get("/rooms")
    async def rooms() -> None:
        raise ValueError("a teapot")

    mount(app)
    answer = await client.get("/chat/rooms")

    assert (answer.status_code, answer.text, answer.headers["x-stamp"]) == (418, "a teapot", "/chat")


async def test_a_stream_arrives_as_it_is_made(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    app, heard = FastAPI(), asyncio.Event()

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[str]:
            yield "one"
            await heard.wait()
            yield "two"

        return StreamingResponse(parts())

    mount(app)
    async with httpx.AsyncClient() as client, client.stream("GET", f"http://{await serve(dispatch)}/chat/stream") as answer:
        parts = answer.aiter_text()
        assert await anext(parts) == "one"
        heard.set()
        assert await anext(parts) == "two"


async def test_websockets_are_routed_by_the_app_at_the_mount_itself_too(dispatch: Dispatch, mount: Any, serve: Any) -> None:
    app = FastAPI()

    @app.websocket("")
    @app.websocket("/room/{name}")
    async def room(websocket: WebSocket, name: str = "lobby") -> None:
        await websocket.accept()
        await websocket.send_text(f"{name} {websocket.url.path}")
        await websocket.close()

    mount(app)
    address = await serve(dispatch)
    async with connect(f"ws://{address}/chat/room/den") as den, connect(f"ws://{address}/chat") as lobby:
        assert (await den.recv(), await lobby.recv()) == ("den /chat/room/den", "lobby /chat")
