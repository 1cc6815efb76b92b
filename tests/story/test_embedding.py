"""An application that embeds the host: plugins first, then the core; slots in its pages."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from plughost import Host, Settings
from plughost.testing import served
from tests.story.house import HostFactory, Index, hello

PAGE = "<h1>{{ user }}</h1>{% from 'icon.html' import icon %}{{ slot('greetings', user=user) }}|{{ slot('nothing') }}|{{ icon(user) }}"
MACRO = "{% macro icon(user) %}<i>{{ slot('greetings', user=user) }}</i>{% endmacro %}"
FAILING = """
@plugin.slot("greetings", order=1)
async def broken(user: str):
    raise RuntimeError("not today")
"""


@contextlib.asynccontextmanager
async def embedded(host: Host) -> AsyncIterator[httpx.AsyncClient]:
    async with served(host) as url, httpx.AsyncClient(base_url=url, timeout=60) as client:
        yield client


async def until_serving(client: httpx.AsyncClient, path: str) -> None:
    async with asyncio.timeout(60):
        while (await client.get(path)).status_code != 200:
            await asyncio.sleep(0.02)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "page.html").write_text(PAGE)
    (folder / "icon.html").write_text(MACRO)
    return folder


def core_with_pages(host: Host, core: FastAPI, pages: Path) -> None:
    templates = host.templates(directory=pages)

    @core.get("/sync/{user}", response_class=HTMLResponse)
    def sync(request: Request, user: str) -> HTMLResponse:
        page: HTMLResponse = templates.TemplateResponse(request, "page.html", {"user": user})
        return page

    @core.get("/async/{user}", response_class=HTMLResponse)
    async def asynchronous(request: Request, user: str) -> HTMLResponse:
        page: HTMLResponse = templates.TemplateResponse(request, "page.html", {"user": user})
        return page


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_a_page_of_the_core_shows_what_plugins_put_into_its_slots(tmp_path: Path, index: Index, pages: Path, kind: str) -> None:
    core = FastAPI()
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)
    core_with_pages(host, core, pages)
    await index.list(hello("1.0"))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        page = await client.get(f"/{kind}/<ada>")

    assert page.text == "<h1>&lt;ada&gt;</h1><b>1.0 &lt;ada&gt;</b>||<i><b>1.0 &lt;ada&gt;</b></i>"
    assert int(page.headers["content-length"]) == len(page.content)


async def test_a_contribution_that_fails_is_a_comment_and_the_others_are_there(tmp_path: Path, index: Index, pages: Path) -> None:
    core = FastAPI()
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)
    core_with_pages(host, core, pages)
    await index.list(hello("1.0", extra=FAILING))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        page = await client.get("/sync/ada")

    assert "<b>1.0 ada</b>" in page.text
    assert "plugin-error" in page.text
    assert "not today" not in page.text


async def test_a_user_cannot_forge_a_mark(tmp_path: Path, index: Index, pages: Path) -> None:
    core = FastAPI()
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)
    core_with_pages(host, core, pages)
    forged = "<!--slot 00000000000000000000000000000000-->"
    async with embedded(host) as client:
        page = await client.get("/sync/x", params={})
        assert page.status_code == 200
        page = await client.get(httpx.URL("/sync/" + forged.replace("/", "")))

    assert forged not in page.text


async def test_render_gives_the_fragments(tmp_path: Path, index: Index) -> None:
    core = FastAPI()
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)

    @core.get("/icons/{user}")
    async def icons(user: str) -> str:
        return str(await host.render("greetings", user=user))

    await index.list(hello("1.0"))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        assert (await client.get("/icons/ada")).json() == "<b>1.0 ada</b>"


async def test_both_lifespans_run_the_core_s_around_the_plugins(tmp_path: Path, index: Index) -> None:
    seen: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        seen.append("core up")
        yield
        seen.append("core down")

    use = """
from plughost.sdk import PluginContext

@plugin.lifespan
async def live(context: PluginContext):
    context.use("seen").append("plugin up")
    yield
    context.use("seen").append("plugin down")
"""
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=FastAPI(lifespan=lifespan), provide={"seen": seen})
    await index.list(hello("1.0", extra=use))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
    assert seen == ["core up", "plugin up", "plugin down", "core down"]


async def test_what_no_plugin_has_goes_to_the_core_with_its_own_answers(tmp_path: Path, index: Index) -> None:
    core = FastAPI()

    @core.get("/api/mine")
    async def mine() -> str:
        return "core"

    @core.get("/healthz")
    async def health() -> str:
        return "core's"

    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)
    await index.list(hello("1.0"))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        assert (await client.get("/api/mine")).json() == "core"
        assert (await client.get("/healthz")).json() == "core's"
        assert (await client.get("/nowhere")).json() == {"detail": "Not Found"}
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert "/api/mine" in paths
        combined = (await client.get("/api/plugins/openapi.json")).json()["paths"]
        assert {"/api/mine", "/hello/", "/api/plugins"} <= set(combined)


async def test_a_plugin_cannot_take_what_the_core_routes(start: HostFactory, index: Index) -> None:
    core = FastAPI()

    @core.get("/hello/there")
    async def there() -> str:
        return "core"

    async with start(app=core) as host:
        await index.list(hello("1.0"), hello("1.0", name="other"))
        await host.until_serving("other")
        plugin = await host.until_status("hello", "failed")
        assert plugin["error"]["code"] == "mount-conflict"
        assert (await host.get("/hello/there")).json() == "core"
        problem = await host.refused("POST", "/api/plugins", {"name": "other", "mount": "hello"})
        assert problem["code"] == "mount-conflict"


class Marking:
    """Middleware that marks each answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), (b"x-marked", b"yes")]  # type: ignore[misc]
            await send(message)

        await self.app(scope, receive, marked)  # type: ignore[arg-type]


async def test_middleware_of_the_host_wraps_plugins_and_core(tmp_path: Path, index: Index) -> None:
    host = Host(Settings(home=tmp_path / "home", index=index.url), app=FastAPI(), middleware=[Middleware(Marking)])
    await index.list(hello("1.0"))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        for path in ("/hello/", "/nowhere", "/healthz"):
            assert (await client.get(path)).headers["x-marked"] == "yes"


async def test_under_another_lifespan_manager_it_runs_in_a_with(tmp_path: Path, index: Index) -> None:
    host = Host(Settings(home=tmp_path / "home", index=index.url))
    await index.list(hello("1.0"))
    transport = httpx.ASGITransport(host)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/hello/")).json()["code"] == "host-stopping"
        async with host.running():
            await until_serving(client, "/hello/")
        assert (await client.get("/hello/")).status_code == 503
        async with host.running():
            await until_serving(client, "/hello/")


async def test_a_core_that_knows_no_lifespan_is_served_all_the_same(tmp_path: Path, index: Index) -> None:
    async def core(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"core"})

    host = Host(Settings(home=tmp_path / "home", index=index.url), app=core)
    await index.list(hello("1.0"))
    async with embedded(host) as client:
        await until_serving(client, "/hello/")
        assert (await client.get("/anything")).text == "core"


async def test_embedding_changes_nothing_in_the_process_but_what_it_says(start: HostFactory, index: Index) -> None:
    def switches() -> tuple[object, ...]:
        return (
            gc.isenabled(),
            gc.get_freeze_count(),
            gc.get_threshold(),
            sys.getswitchinterval(),
            asyncio.get_running_loop().get_task_factory(),
        )

    before, importers = switches(), list(sys.meta_path)
    async with start() as host:
        await index.list(hello("1.0"))
        await host.until_serving("hello")
        assert switches()[:-1] == before[:-1]
        assert len([each for each in sys.meta_path if each not in importers]) <= 1
    assert switches() == before
