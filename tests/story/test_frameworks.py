"""What frameworks can do in an app of its own, they can do in a plugin: over real HTTP, out of a wheel, behind a mount."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from websockets.asyncio.client import connect

from plughost.testing import BuiltWheel, RunningHost, served, wheel
from tests.story.house import HostFactory, Index, hello
from tests.story.process import child, put

FASTAPI = """
import asyncio, contextlib
from pathlib import Path
from typing import Annotated
from fastapi import (
    BackgroundTasks, Depends, FastAPI, File, Form, Header, HTTPException, Request, Response, UploadFile, WebSocket, WebSocketDisconnect,
)
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from pydantic import BaseModel, EmailStr
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.sessions import SessionMiddleware

HERE = Path(__file__).parent
done = []

@contextlib.asynccontextmanager
async def lifespan(app):
    yield {"database": "open"}

app = FastAPI(title="Acme", lifespan=lifespan)

class Stamp(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        answer = await call_next(request)
        answer.headers["X-Stamp"] = "base"
        return answer

class Pure:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send):
        async def stamped(message):
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-pure", b"asgi")]}
            await send(message)
        await self.app(scope, receive, stamped)

app.add_middleware(Stamp)
app.add_middleware(Pure)
app.add_middleware(SessionMiddleware, secret_key="of a test")
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
sub = FastAPI()
@sub.get("/deep")
def deep(request: Request): return [request.scope["root_path"], request.url_for("sub:deep").path]
app.mount("/sub", sub, name="sub")
templates = Jinja2Templates(directory=HERE / "templates")

class Item(BaseModel):
    name: str
    price: float = 1.5
class Shown(BaseModel):
    name: str
class NoSuch(Exception): ...

@app.exception_handler(NoSuch)
async def no_such(request, error): return JSONResponse({"handled": str(error)}, status_code=418)

def opened():
    done.append("opened")
    yield "resource"
    done.append("closed")
def checked(resource: Annotated[str, Depends(opened)], x_key: Annotated[str, Header()] = "none"):
    if x_key == "bad":
        raise HTTPException(403, "a bad key", headers={"X-Why": "key"})
    return [resource, x_key]

@app.get("/depends")
def depends(got: Annotated[list, Depends(checked)]): return got
@app.post("/items", response_model=Shown, status_code=201)
async def create(item: Item): return item
@app.get("/raises")
async def raises(): raise NoSuch("this one")
@app.get("/breaks")
async def breaks(): raise RuntimeError("a secret of the plugin's")
@app.post("/later")
async def later(tasks: BackgroundTasks):
    tasks.add_task(done.append, "later")
    return "soon"
@app.get("/done")
async def get_done(): return done
@app.get("/state")
async def state(request: Request): return [request.state.database, request.state.context.name, request.state.context.version]
@app.websocket("/ws/{room}")
async def ws(socket: WebSocket, room: str):
    await socket.accept(subprotocol="chat" if "chat" in socket.scope["subprotocols"] else None)
    try:
        while True:
            await socket.send_json([room, socket.state.database, await socket.receive_text()])
    except WebSocketDisconnect:
        done.append("left")
@app.get("/stream")
async def stream():
    async def parts():
        for number in range(3):
            yield f"{number}\\n"
            await asyncio.sleep(0)
    return StreamingResponse(parts(), media_type="text/plain")
@app.get("/events")
async def events(request: Request):
    async def told():
        number = int(request.headers.get("last-event-id", 0))
        while True:
            number += 1
            yield f"id: {number}\\ndata: tick\\n\\n"
            await asyncio.sleep(0.01)
    return StreamingResponse(told(), media_type="text/event-stream")
@app.post("/form")
async def form(name: Annotated[str, Form()], mail: Annotated[EmailStr, Form()]): return [name, mail]
@app.post("/upload")
async def upload(file: UploadFile, more: Annotated[list[bytes], File()], note: Annotated[str, Form()] = ""):
    return [file.filename, len(await file.read()), [len(each) for each in more], note]
@app.get("/page")
async def page(request: Request): return templates.TemplateResponse(request, "page.html", {"user": "<ada>"})
@app.get("/count")
async def count(request: Request):
    request.session["count"] = request.session.get("count", 0) + 1
    return request.session["count"]
@app.get("/urls")
async def urls(request: Request):
    made = [request.url_for("get_item", number=7).path, request.url_for("static", path="a.txt").path]
    return [*made, request.scope["root_path"], request.url.path]
@app.get("/items/{number}")
async def get_item(number: int): return number
@app.get("/slash/")
async def slash(): return "slash"
"""
PACKAGE = {
    "acme_app/__init__.py": FASTAPI,
    "acme_app/static/a.txt": "static of the wheel\n",
    "acme_app/templates/base.html": "<main>{% block body %}{% endblock %}</main>",
    "acme_app/templates/page.html": (
        "{% extends 'base.html' %}{% block body %}{{ user }} {{ url_for('static', path='a.txt') }}{% endblock %}"
    ),
}


def app_wheel(version: str = "1.0") -> BuiltWheel:
    return wheel("acme-app", version, PACKAGE, plugins={"app": "acme_app:app"})


@pytest.fixture
async def app(host: RunningHost, index: Index) -> RunningHost:
    """A host that serves the FastAPI app at /app."""
    await index.list(app_wheel())
    await host.until_serving("app")
    return host


async def test_dependencies_with_cleanup_and_headers(app: RunningHost) -> None:
    assert (await app.get("/app/depends", **{"X-Key": "good"})).json() == ["resource", "good"]
    refused = await app.get("/app/depends", **{"X-Key": "bad"})
    assert (refused.status_code, refused.json(), refused.headers["x-why"]) == (403, {"detail": "a bad key"}, "key")

    async def closed() -> bool:
        told = (await app.get("/app/done")).json()
        return bool(told.count("opened") == 2 and "closed" in told)

    await app.until(closed, "the dependency is closed")


async def test_response_models_and_validation(app: RunningHost) -> None:
    made = await app.http.post("/app/items", json={"name": "tea", "price": "2"})
    assert (made.status_code, made.json()) == (201, {"name": "tea"})
    refused = await app.http.post("/app/items", json={"price": "x"})
    assert refused.status_code == 422
    assert {tuple(each["loc"]) for each in refused.json()["detail"]} == {("body", "name"), ("body", "price")}


async def test_exception_handlers_of_the_app_and_what_nothing_handles(app: RunningHost) -> None:
    handled = await app.get("/app/raises")
    assert (handled.status_code, handled.json()) == (418, {"handled": "this one"})
    broken = await app.get("/app/breaks")
    assert broken.status_code == 500
    assert "secret" not in broken.text
    assert (await app.get("/app/state")).status_code == 200


async def test_background_tasks_run_after_the_answer(app: RunningHost) -> None:
    assert (await app.http.post("/app/later")).json() == "soon"

    async def ran() -> bool:
        return "later" in (await app.get("/app/done")).json()

    await app.until(ran, "the background task ran")


async def test_what_the_lifespan_yields_is_in_the_state_of_requests(app: RunningHost) -> None:
    assert (await app.get("/app/state")).json() == ["open", "app", "1.0"]


async def test_websockets_with_state_and_subprotocol(app: RunningHost) -> None:
    url = app.url.replace("http", "ws")
    async with asyncio.timeout(60), connect(f"{url}/app/ws/tea", subprotocols=["chat"]) as socket:  # type: ignore[list-item]  # a NewType of str
        assert socket.subprotocol == "chat"
        for word in ("one", "two"):
            await socket.send(word)
            assert json.loads(await socket.recv()) == ["tea", "open", word]

    async def left() -> bool:
        return "left" in (await app.get("/app/done")).json()

    await app.until(left, "the app hears that its client left")


async def test_streams_and_server_sent_events(app: RunningHost) -> None:
    async with app.http.stream("GET", "/app/stream") as answer:
        assert [line async for line in answer.aiter_lines()] == ["0", "1", "2"]
    seen: list[str] = []
    async with asyncio.timeout(60), app.http.stream("GET", "/app/events", headers={"Last-Event-ID": "4"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            seen.append(line)
            if len(seen) == 6:
                break
    assert seen == ["id: 5", "data: tick", "", "id: 6", "data: tick", ""]


async def test_forms_uploads_and_mail_addresses(app: RunningHost) -> None:
    assert (await app.http.post("/app/form", data={"name": "ada", "mail": "Ada@EXAMPLE.com"})).json() == ["ada", "Ada@example.com"]
    refused = await app.http.post("/app/form", data={"name": "ada", "mail": "nobody"})
    assert refused.status_code == 422
    files = [("file", ("a.bin", b"x" * 200_000)), ("more", ("b", b"12")), ("more", ("c", b"345"))]
    sent = await app.http.post("/app/upload", files=files, data={"note": "hi"})
    assert sent.json() == ["a.bin", 200_000, [2, 3], "hi"]


async def test_static_files_and_templates_come_out_of_the_wheel(app: RunningHost) -> None:
    static = await app.get("/app/static/a.txt")
    assert (static.text, static.headers["content-type"]) == ("static of the wheel\n", "text/plain; charset=utf-8")
    assert (await app.get("/app/static/a.txt", **{"If-None-Match": static.headers["etag"]})).status_code == 304
    assert (await app.get("/app/static/a.txt", Range="bytes=0-5")).text == "static"
    assert (await app.get("/app/static/..%2f__init__.py")).status_code == 404
    page = await app.get("/app/page")
    assert page.text == f"<main>&lt;ada&gt; {app.url}/app/static/a.txt</main>"


async def test_its_own_middleware_of_both_kinds_sees_its_requests_alone(app: RunningHost) -> None:
    answer = await app.get("/app/state")
    assert (answer.headers["x-stamp"], answer.headers["x-pure"]) == ("base", "asgi")
    assert "x-stamp" not in (await app.get("/healthz")).headers


async def test_sessions_are_kept_in_a_cookie(app: RunningHost) -> None:
    async with httpx.AsyncClient(base_url=app.url) as client:
        assert [(await client.get("/app/count")).json() for _ in range(3)] == [1, 2, 3]
    async with httpx.AsyncClient(base_url=app.url) as client:
        assert (await client.get("/app/count")).json() == 1


async def test_methods_and_redirects_are_as_in_an_app_of_its_own(app: RunningHost, tmp_path: Path) -> None:
    async with served(_mounted_alone(tmp_path)) as url, httpx.AsyncClient(base_url=url) as alone:
        for method, path in (
            ("HEAD", "/app/state"),
            ("OPTIONS", "/app/state"),
            ("POST", "/app/state"),
            ("DELETE", "/app/items"),
            ("GET", "/app/items/x"),
            ("HEAD", "/app/static/a.txt"),
            ("GET", "/app/nothing"),
            ("GET", "/app/"),
        ):
            ours, theirs = await app.http.request(method, path), await alone.request(method, path)
            assert (ours.status_code, ours.headers.get("allow"), ours.content) == (
                theirs.status_code, theirs.headers.get("allow"), theirs.content,
            ), f"{method} {path}"  # fmt: skip
    redirect = await app.get("/app/slash")
    assert (redirect.status_code, redirect.headers["location"]) == (307, f"{app.url}/app/slash/")


def _mounted_alone(folder: Path) -> Any:
    """The same app without a host, under the same path."""
    for name, text in PACKAGE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    module = {"__name__": "acme_app", "__file__": str(folder / "acme_app/__init__.py")}
    exec(compile(FASTAPI, module["__file__"], "exec", dont_inherit=True), module)
    inner: Any = module["app"]

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        async with inner.router.lifespan_context(inner) as state:
            yield {**state, "context": type("Context", (), {"name": "app", "version": "1.0"})}

    return Starlette(routes=[Mount("/app", inner)], lifespan=lifespan)


async def test_urls_know_the_mount_and_sub_apps_know_theirs(app: RunningHost) -> None:
    assert (await app.get("/app/urls")).json() == ["/app/items/7", "/app/static/a.txt", "/app", "/app/urls"]
    assert (await app.get("/app/sub/deep")).json() == ["/app/sub", "/app/sub/deep"]


async def test_behind_a_root_path_urls_say_it(tmp_path: Path) -> None:
    put(tmp_path, app_wheel())
    async with child(tmp_path, "--root-path", "/proxy") as host:
        expected = ["/proxy/app/items/7", "/proxy/app/static/a.txt", "/proxy/app", "/proxy/app/urls"]
        await host.says("/app/urls", expected)
        await host.says("/app/sub/deep", ["/proxy/app/sub", "/proxy/app/sub/deep"])
        assert "/proxy/app/openapi.json" in (await host.get("/app/docs")).text
        assert "/proxy/openapi.json" in (await host.get("/docs")).text
        assert (await host.get("/app/static/a.txt")).text == "static of the wheel\n"
        assert (await host.get("/app/slash")).headers["location"] == f"{host.url}/proxy/app/slash/"


OTHERS = {
    "starlette": """
import contextlib
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
@contextlib.asynccontextmanager
async def lifespan(app): yield {"up": True}
async def says(request): return JSONResponse([request.state.up, request.scope["root_path"], request.state.context.name])
plugin = Starlette(routes=[Route("/says", says)], lifespan=lifespan)
""",
    "asgi": """
import json
async def plugin(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["up"] = True
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
        return
    state = scope["state"]
    body = json.dumps([state["up"], scope["root_path"], state["context"].name]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})
""",
}


@pytest.mark.parametrize("name", OTHERS)
async def test_other_frameworks(host: RunningHost, index: Index, name: str) -> None:
    await index.list(wheel(f"acme-{name}", "1.0", {f"{name}_plugin.py": OTHERS[name]}, plugins={name: f"{name}_plugin:plugin"}))
    await host.until_serving(name)
    assert (await host.get(f"/{name}/says")).json() == [True, f"/{name}", name]
    assert f'"/{name}/' not in (await host.get("/openapi.json")).text


async def test_documents_show_host_and_plugins_and_follow_each_change(app: RunningHost, index: Index) -> None:
    async def paths() -> set[str]:
        document = (await app.get("/openapi.json")).json()
        assert document == (await app.get("/api/plugins/openapi.json")).json()
        return set(document["paths"])

    assert {"/api/plugins", "/app/items", "/app/items/{number}"} <= await paths()
    assert "/hello/" not in await paths()
    assert "/openapi.json" in (await app.get("/docs")).text

    await index.list(app_wheel(), hello("1.0"))
    await app.until_serving("hello", "1.0")
    assert {"/app/items", "/hello/"} <= await paths()
    await index.list(app_wheel(), hello("1.1", extra="@router.get('/new')\nasync def new(): ...\n"))
    await app.until_serving("hello", "1.1")
    assert "/hello/new" in await paths()
    await index.list(app_wheel())
    await app.until_status("hello", "absent")
    assert not [path for path in await paths() if path.startswith("/hello")]


async def test_the_document_names_what_is_the_plugins(app: RunningHost) -> None:
    text = (await app.get("/openapi.json")).text
    document = json.loads(text)
    assert "_scope_" not in text
    assert {"app.Item", "app.Shown"} <= set(document["components"]["schemas"])
    operation = document["paths"]["/app/items"]["post"]
    assert (operation["tags"], operation["operationId"]) == (["app"], "app.create_items_post")
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/app.Item"}
    await app.operate("POST", "/api/plugins/app/reload")
    assert (await app.get("/openapi.json")).text == text


async def test_a_fastapi_plugin_has_pages_of_its_own(app: RunningHost) -> None:
    assert "/app/openapi.json" in (await app.get("/app/docs")).text
    own = (await app.get("/app/openapi.json")).json()
    assert (own["info"]["title"], own["servers"]) == ("Acme", [{"url": "/app"}])
    assert "/items" in own["paths"]


STRANGER = {
    "guestbook/__init__.py": "__version__ = '3.1'\n",
    "guestbook/store.py": "class Store(list): ...\n",
    "guestbook/web.py": """
from fastapi import FastAPI
from guestbook import __version__
from guestbook.store import Store
def create_app(settings=None, debug=False):
    app, store = FastAPI(version=__version__), Store()
    @app.post("/entries")
    async def write(text: str):
        store.append(text)
        return len(store)
    @app.get("/entries")
    async def read() -> list[str]: return store
    return app
app = create_app()
""",
}


@pytest.mark.parametrize("entry", ["guestbook.web:app", "guestbook.web:create_app"])
async def test_a_package_that_nobody_wrote_for_plughost_is_mounted_by_url(host: RunningHost, index: Index, entry: str) -> None:
    built = wheel("guestbook", "3.1", STRANGER, requires=["fastapi>=0.100", "pydantic>=2"])
    index.publish(built)
    url = f"{index.url}{index.path(built)}#sha256={built.sha256}"
    operation = await host.install("visitors", url=url, exposedModule=entry)
    assert operation["version"] == "3.1"
    assert (await host.http.post("/visitors/entries?text=hello")).json() == 1
    assert (await host.get("/visitors/entries")).json() == ["hello"]
    assert "/visitors/entries" in (await host.get("/openapi.json")).json()["paths"]


WAITS = """
import json, time
while not hasattr(json, "_{name}_may_go"): time.sleep(0.01)
plugin = {{"routes": [{{"path": "/", "endpoint": lambda: "here"}}]}}
"""


async def test_503_while_it_starts_and_when_it_has_failed_404_where_there_is_none(host: RunningHost, index: Index) -> None:
    slow = wheel("acme-slow", "1.0", {"slow_plugin.py": WAITS.format(name="slow")}, plugins={"slow": "slow_plugin:plugin"})
    bad = hello("1.0", name="bad", extra="raise RuntimeError('no')")
    await index.list(slow, bad)

    async def says(name: str, code: str) -> bool:
        return bool((await host.get(f"/{name}/")).json()["code"] == code)

    try:
        for name, code in (("slow", "plugin-starting"), ("bad", "plugin-failed")):
            await host.until(partial(says, name, code), f"{name}: {code}")
            answer = await host.get(f"/{name}/")
            assert (answer.status_code, answer.json()["code"], answer.json()["plugin"]) == (503, code, name)
            assert int(answer.headers["retry-after"]) >= 1
            assert answer.headers["content-type"] == "application/problem+json"
    finally:
        vars(json)["_slow_may_go"] = True
    try:
        await host.until_serving("slow")
        assert (await host.get("/slow/")).json() == "here"
    finally:
        vars(json).pop("_slow_may_go")
    nothing = await host.get("/nothing/")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "path-unknown")
    await host.operate("POST", "/api/plugins/slow/disable")
    assert (await host.get("/slow/")).status_code == 404


def user_of(name: str, says: str, library: str) -> BuiltWheel:
    """A plugin with a module `helpers` of its own and a private dependency."""
    source = """
import helpers, greetlib
def says(): return [helpers.SAYS, greetlib.VERSION, greetlib.late()]
plugin = {"routes": [{"path": "/", "endpoint": says}]}
"""
    return wheel(
        f"acme-{name}",
        "1.0",
        {f"{name}_plugin.py": source, "helpers.py": f"SAYS = {says!r}\n"},
        plugins={name: f"{name}_plugin:plugin"},
        requires=[f"greetlib=={library}"],
    )


def library(version: str) -> BuiltWheel:
    files = {
        "greetlib/__init__.py": f"VERSION = {version!r}\ndef late():\n    from greetlib import inner\n    return inner.VERSION\n",
        "greetlib/inner.py": f"VERSION = 'inner {version}'\n",
    }
    return wheel("greetlib", version, files)


async def test_two_plugins_have_helpers_and_versions_of_one_library_of_their_own(start: HostFactory, index: Index) -> None:
    index.publish(library("1.0"), library("2.0"))
    async with start() as host:
        await index.list(user_of("one", "first", "1.0"), user_of("two", "second", "2.0"))
        await host.until_serving("one")
        await host.until_serving("two")
        assert (await host.get("/one/")).json() == ["first", "1.0", "inner 1.0"]
        assert (await host.get("/two/")).json() == ["second", "2.0", "inner 2.0"]
