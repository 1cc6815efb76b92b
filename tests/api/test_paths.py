"""Which paths are the host's, under which methods, prefixes and proxies; health; the OpenAPI document."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from plughost.host import Host
from plughost.settings import Settings
from plughost.testing import RunningHost, served
from plughost.types import ASGIApp, ASGIScope, Receive, Send
from tests.story.house import HostFactory, Index, hello

Json = dict[str, Any]
TOKEN = "the-admin-token-of-a-test"
READ = ["/api/plugins", "/api/plugins/enabled", "/api/plugins/openapi.json", "/api/plugins/docs", "/api/operations", "/api/sources"]
READ += ["/api/slots", "/api/tokens", "/api/audit", "/healthz", "/readyz", "/openapi.json", "/docs", "/redoc", "/slots/none"]


async def test_what_can_be_read_has_a_head(host: RunningHost) -> None:
    await host.host.settled()
    for path in READ:
        got, head = await host.ask("GET", path), await host.ask("HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"], path
    assert (await host.ask("HEAD", "/api/plugins", token=None)).status_code == 401


async def test_a_stream_without_end_has_no_head(host: RunningHost) -> None:
    for path in ("/api/events", "/api/plugins/events"):
        answer = await host.ask("HEAD", path)
        assert answer.status_code == 405
        assert "HEAD" not in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("OPTIONS", "/api/plugins", "GET, HEAD, POST"),
        ("PATCH", "/api/plugins", "GET, HEAD, POST"),
        ("PUT", "/api/plugins/hello", "DELETE, GET, HEAD"),
        ("GET", "/api/plugins/hello/disable", "POST"),
        ("DELETE", "/slots/icons", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("OPTIONS", "/readyz", "GET, HEAD"),
        ("POST", "/openapi.json", "GET, HEAD"),
        ("DELETE", "/api/tokens", "GET, HEAD, POST"),
        ("POST", "/api/events", "GET"),
    ],
)
async def test_another_method_is_refused_with_those_there_are(host: RunningHost, method: str, path: str, allow: str) -> None:
    answer = await host.ask(method, path)
    problem = answer.json()
    assert (answer.status_code, problem["code"], answer.headers["allow"]) == (405, "method-not-allowed", allow)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"].endswith(f"; allowed: {allow}")


async def test_paths_that_are_like_the_hosts_are_not_its(start: HostFactory) -> None:
    core = FastAPI(openapi_url=None)

    @core.get("/{path:path}")
    async def everything(path: str) -> str:
        return path

    async with start(core) as host:
        for path in ("api", "api/", "api/plugin", "apis/plugins", "slots", "slots/", "healthz/x", "docs/x", "metrics", "admin"):
            assert (await host.get(f"/{path}")).json() == path
        assert (await host.get("/healthz")).json() == {"status": "alive"}


async def test_an_application_may_have_health_and_documents_of_its_own(start: HostFactory) -> None:
    core = FastAPI(title="the core's")

    @core.get("/healthz")
    async def healthz() -> str:
        return "well"

    async with start(core) as host:
        assert (await host.get("/healthz")).json() == "well"
        assert (await host.get("/openapi.json")).json()["info"]["title"] == "the core's"
        assert (await host.get("/api/plugins/openapi.json")).json()["info"]["title"] == "plughost"
        assert (await host.get("/readyz")).status_code in {200, 503}


@contextlib.asynccontextmanager
async def behind(tmp_path: Path, index: Index, *, root: str = "", cut: bool = False, **settings: Any) -> AsyncIterator[RunningHost]:
    """A host behind a proxy that says `root_path`, and leaves it in the path or cuts it off."""
    host = Host(Settings(home=tmp_path / "home", index=index.url, poll=0.2, admin_token=SecretStr(TOKEN), **settings))

    async def proxied(scope: ASGIScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            path = scope["path"].removeprefix(root) if cut else scope["path"]
            scope = {**scope, "root_path": root, "path": path}
        await host(scope, receive, send)

    app: ASGIApp = proxied
    async with served(app) as url, httpx.AsyncClient(base_url=f"{url}{root}", timeout=70) as http:
        yield RunningHost(host, url, http)


PLACES = [
    ("", "", False),
    ("", "/ops", False),
    ("/base", "", False),
    ("/base", "/ops", False),
    ("/base", "", True),
    ("/base", "/ops", True),
]
PLACES += [("", "/api", False), ("", "/slots/x", False), ("/api", "/api", False)]


@pytest.mark.parametrize(("root", "prefix", "cut"), PLACES)
async def test_the_host_below_a_prefix_and_a_proxy(tmp_path: Path, index: Index, root: str, prefix: str, cut: bool) -> None:  # noqa: FBT001 - a case
    index.publish(hello("1.0"))
    async with behind(tmp_path, index, root=root, cut=cut, prefix=prefix) as host:
        body = {"name": "hello", "project": "acme-hello"}
        answer = await host.ask("POST", f"{prefix}/api/plugins", body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["location"] == f"{root}{prefix}/api/operations/{answer.json()['id']}"
        assert (await host.ask("GET", f"{prefix}/api/operations/{answer.json()['id']}")).json() == answer.json()
        for method, path in [("GET", "/api/plugins"), ("POST", "/api/plugins"), ("GET", "/api/tokens"), ("GET", "/api/audit")]:
            assert (await host.ask(method, prefix + path, token=None)).status_code == 401

        assert (await host.get("/hello/")).json() == "1.0"
        assert (await host.get(f"{prefix}/slots/greetings", Accept="text/html")).text == "<b>1.0 you</b>"
        assert (await host.get(f"{prefix}/healthz")).status_code == 200
        enabled = await host.get(f"{prefix}/api/plugins/enabled")
        assert enabled.headers["link"] == f'<{root}{prefix}/api/plugins/events>; rel="monitor"'
        if prefix:
            assert (await host.get("/api/operations")).status_code == 404
            assert (await host.get("/healthz")).status_code == 404

        for page, document in [("/docs", "/openapi.json"), ("/redoc", "/openapi.json"), ("/api/plugins/docs", "/api/plugins/openapi.json")]:
            assert f"{root}{prefix}{document}" in (await host.get(prefix + page)).text
            paths = (await host.get(prefix + document)).json()["paths"]
            assert {f"{prefix}/api/plugins", f"{prefix}/slots/{{slot}}", "/hello/"} <= set(paths)

        host.host.stop_accepting()
        assert (await host.get(f"{prefix}/readyz")).json()["status"] == "stopping"
        assert (await host.ask("GET", f"{prefix}/api/plugins")).json()["code"] == "host-stopping"


async def test_a_prefix_may_be_told_with_or_without_slashes() -> None:
    assert [Settings(prefix=told).prefix for told in ("ops", "/ops", "/ops/", "", "/")] == ["/ops", "/ops", "/ops", "", ""]
    assert Settings(root_path="base/").root_path == "/base"


HANGS = """
import pathlib, time
while not pathlib.Path({path!r}).exists():
    time.sleep(0.01)
"""


async def test_a_host_is_ready_when_all_has_served_or_failed_once(start: HostFactory, index: Index, tmp_path: Path) -> None:
    goes = tmp_path / "goes"
    await index.list(hello("1.0", extra=HANGS.format(path=str(goes))), hello("1.0", name="bad", extra="raise RuntimeError"))
    async with start(boot_deadline=3600) as host:
        await host.until_status("bad", "failed")
        await host.until_status("hello", "starting")
        answer = await host.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "starting", "waiting": ["hello"]})
        goes.touch()
        await host.until_serving("hello")
        await host.host.settled()
        assert (await host.get("/readyz")).json() == {"status": "ready", "waiting": []}
        await index.list(hello("1.1", extra="raise RuntimeError"))  # what comes later makes it unready no more
        await host.until_status("bad", "absent")
        assert (await host.get("/readyz")).status_code == 200


async def test_a_host_is_ready_at_its_deadline_however_it_is(start: HostFactory, index: Index, tmp_path: Path) -> None:
    goes = tmp_path / "goes"
    await index.list(hello("1.0", extra=HANGS.format(path=str(goes))))
    async with start(boot_deadline=0.2) as host:
        await host.host.settled()
        assert (await host.get("/readyz")).status_code == 200
        goes.touch()


async def test_a_strict_host_is_ready_only_while_all_serve(start: HostFactory, index: Index) -> None:
    await index.list(hello("1.0"), hello("1.0", name="bad", extra="raise RuntimeError"))
    async with start(boot="strict", boot_deadline=0.1) as host:
        await host.until_status("bad", "failed")
        await host.until_serving("hello")
        await host.host.settled()
        assert (await host.get("/readyz")).status_code == 503
        await host.operate("POST", "/api/plugins/bad/disable")
        assert (await host.get("/readyz")).status_code == 200


async def test_a_host_without_its_index_becomes_ready(start: HostFactory, index: Index) -> None:
    index.status = 500
    async with start(boot_deadline=3600) as host:
        await host.host.settled()
        assert (await host.get("/readyz")).status_code == 200


MODELS = """
from pydantic import BaseModel

class Colour(BaseModel):
    name: str

class Paint(BaseModel):
    colour: Colour

@router.post("/paint")
async def paint(paint: Paint) -> Colour:
    return paint.colour
"""


async def test_the_document_holds_the_host_and_every_plugin_under_natural_names(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", extra=MODELS), hello("1.0", name="other", extra=MODELS))
    await host.until_serving("hello")
    await host.until_serving("other")
    answer = await host.get("/openapi.json")
    document = answer.json()

    assert document["openapi"].startswith("3.1")
    assert "_scope_" not in answer.text
    assert {"/api/plugins", "/api/plugins/{name}/upgrade", "/hello/paint", "/other/paint"} <= set(document["paths"])
    assert {"hello.Colour", "hello.Paint", "other.Colour", "other.Paint"} <= set(document["components"]["schemas"])
    operation = document["paths"]["/hello/paint"]["post"]
    assert operation["operationId"].startswith("hello.")
    assert operation["tags"] == ["hello"]
    identifiers = [method["operationId"] for methods in document["paths"].values() for method in methods.values()]
    assert len(identifiers) == len(set(identifiers))

    await index.list(hello("1.1", extra=MODELS), hello("1.0", name="other", extra=MODELS))
    await host.until_serving("hello", "1.1")
    assert (await host.get("/api/plugins/openapi.json")).json()["paths"] == document["paths"]
    await host.operate("POST", "/api/plugins/hello/disable")
    assert "/hello/paint" not in (await host.get("/openapi.json")).json()["paths"]
