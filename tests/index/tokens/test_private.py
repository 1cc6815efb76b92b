"""With `--private` nothing that is published is read without a token that may; pip, uv and a host bring one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from plughost import Settings
from plughost.testing import running_host
from plugin_index.app import PluginIndex
from tests.index.inside import asked, inside, sent
from tests.index.program import ADMIN, BIN, PATIENCE, Program, chat, run, running, upload

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}
CHAT, OTHER = chat(), chat(project="other-thing", plugin="thing")
FILE = f"/files/{CHAT.sha256}/{CHAT.filename}"
READABLE = [
    "/simple/",
    "/simple/acme-chat/",
    "/simple/nothing/",
    FILE,
    f"{FILE}.metadata",
    "/files/00/x.whl",
    "/api/plugins/enabled",
    "/api/plugins/events",
    "/api/plugins",
    "/api/plugins/chat",
    "/api/plugins/nothing",
    "/api/revoked",
    "/",
    "/projects/",
    "/projects/acme-chat/",
    "/projects/Acme_Chat",
    "/publish.sh",
]
OPEN = ["/healthz", "/readyz", "/metrics", "/docs", "/redoc", "/openapi.json", "/style.css", "/icon.svg", "/simple"]
"""None of these tells what is published; `/metrics` tells how many files."""
ENDLESS = "/api/plugins/events"


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PluginIndex]:
    async with inside(tmp_path / "home", private=True) as made:
        async with asked(made) as admin:
            for built in (CHAT, OTHER):
                assert (await sent(admin, built)).status_code == 200
            for name in ("chat", "thing"):
                assert (await admin.post(f"/api/plugins/{name}/enable")).status_code == 200
        yield made


async def token(client: httpx.AsyncClient, *actions: str, projects: tuple[str, ...] = ("*",)) -> str:
    answer = await client.post("/api/tokens", json={"name": "-".join(actions), "actions": actions, "projects": projects})
    return str(answer.json()["token"])


@pytest.mark.parametrize("path", READABLE)
async def test_nothing_is_read_without_a_token_that_may(app: PluginIndex, path: str) -> None:
    async with asked(app) as admin:
        deaf = await token(admin, "upload", "manage")
    for method in ("GET", "HEAD"):
        if method == "HEAD" and path.startswith("/api/plugins") and not path.endswith("enabled"):
            continue  # these are asked with GET alone
        async with asked(app, None) as client:
            answer = await client.request(method, path)
        assert (answer.status_code, answer.headers["www-authenticate"].partition(" ")[0]) == (401, "Basic")
        for secret in (CHAT.filename, CHAT.sha256, "acme_chat"):
            assert secret not in answer.text
        async with asked(app, deaf) as client:
            assert (await client.request(method, path)).status_code == 403


@pytest.mark.parametrize("path", [path for path in READABLE if path != ENDLESS])
async def test_a_token_that_may_read_is_taken_as_bearer_and_as_basic(app: PluginIndex, path: str) -> None:
    async with asked(app) as admin:
        reader = await token(admin, "read")
    async with asked(app, reader) as bearer, asked(app, None) as basic:
        one, other = await bearer.get(path), await basic.get(path, auth=("__token__", reader))
    assert one.status_code == other.status_code
    assert one.status_code in ({404} if "nothing" in path or "/00/" in path else {200, 301})
    assert "public" not in one.headers.get("cache-control", "")
    assert "access-control-allow-origin" not in one.headers


@pytest.mark.parametrize("path", OPEN)
async def test_what_tells_nothing_of_what_is_published_stays_open(app: PluginIndex, path: str) -> None:
    async with asked(app, None) as client:
        answer = await client.get(path)
    assert answer.status_code in {200, 301}
    for secret in ("acme", "chat", CHAT.sha256):
        assert secret not in answer.text


async def test_who_reads_some_projects_sees_no_other_one(app: PluginIndex) -> None:
    async with asked(app) as admin:
        mine = await token(admin, "read", projects=("acme-*",))
        whole = (await admin.get("/api/plugins/enabled")).headers["etag"]
    async with asked(app, mine) as client:
        assert [project["name"] for project in (await client.get("/simple/", headers=JSON)).json()["projects"]] == ["acme-chat"]
        listed = await client.get("/api/plugins/enabled")
        assert [entry["name"] for entry in listed.json()] == ["chat"]
        assert listed.headers["etag"] != whole
        again = await client.get("/api/plugins/enabled", headers={"If-None-Match": listed.headers["etag"]})
        assert again.status_code == 304
        assert [plugin["name"] for plugin in (await client.get("/api/plugins")).json()["plugins"]] == ["chat"]
        for path in ("/simple/acme-chat/", FILE, f"{FILE}.metadata", "/api/plugins/chat"):
            assert (await client.get(path)).status_code == 200, path
        hidden = f"/files/{OTHER.sha256}/{OTHER.filename}"
        for path in ("/simple/other-thing/", hidden, f"{hidden}.metadata", "/api/plugins/thing", "/projects/other-thing/"):
            assert (await client.get(path)).status_code == 403, path
        for path in ("/", "/projects/"):
            assert "other-thing" not in (await client.get(path)).text, path


async def test_who_reads_some_projects_hears_of_these_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "home", "--private") as index, httpx.AsyncClient(base_url=index.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        mine = {"Authorization": f"Bearer {await token(client, 'read', projects=('acme-*',))}"}
        for built in (CHAT, OTHER):
            await upload(client, built)
        known = (await client.get("/api/plugins/enabled", headers=mine)).headers["etag"]
        async with (
            asyncio.timeout(PATIENCE),
            client.stream("GET", ENDLESS, headers={**mine, "Last-Event-ID": known}) as stream,
        ):
            lines = stream.aiter_lines()
            await anext(lines)
            await client.post("/api/plugins/thing/enable")
            await client.post("/api/plugins/chat/enable")
            async for line in lines:
                if line.startswith("id: "):
                    break
        assert line == f"id: {(await client.get('/api/plugins/enabled', headers=mine)).headers['etag']}"


async def test_who_may_read_no_more_hears_no_more(tmp_path: Path) -> None:
    async with running(tmp_path / "home", "--private") as index, httpx.AsyncClient(base_url=index.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        await upload(client, CHAT)
        made = (await client.post("/api/tokens", json={"name": "x", "actions": ["read"]})).json()
        async with (
            asyncio.timeout(PATIENCE),
            client.stream("GET", ENDLESS, headers={"Authorization": f"Bearer {made['token']}"}) as stream,
        ):
            lines = stream.aiter_lines()
            await anext(lines)
            await client.post("/api/plugins/chat/enable")
            async for line in lines:
                if line.startswith("id: "):
                    break
            await client.delete(f"/api/tokens/{made['id']}")
            await client.post("/api/plugins/chat/disable")
            assert [line async for line in lines if line.startswith("id: ")] == []


@pytest.fixture
async def private(tmp_path: Path) -> AsyncIterator[tuple[Program, str]]:
    """A private index with one enabled plugin, and a token that reads it."""
    async with running(tmp_path / "index", "--private") as index, httpx.AsyncClient(base_url=index.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        await upload(client, CHAT)
        await client.post("/api/plugins/chat/enable")
        yield index, await token(client, "read", projects=("acme-*",))


def pip(url: str, folder: Path) -> tuple[str | Path, ...]:
    return (BIN / "python", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input", "-d", folder, "-i", url, "acme-chat")


def uv(url: str, folder: Path) -> tuple[str | Path, ...]:
    return (BIN / "uv", "pip", "install", "--no-cache", "--no-config", "--target", folder, "--index-url", url, "acme-chat")


@pytest.mark.parametrize("client", [pip, uv])
async def test_clients_install_with_the_token_in_the_url_and_not_without(
    private: tuple[Program, str], tmp_path: Path, client: Callable[[str, Path], tuple[str | Path, ...]]
) -> None:
    index, reader = private
    home = {"HOME": str(tmp_path)}
    url = f"{index.url}/simple/".replace("://", f"://__token__:{reader}@")
    status, said = await run(*client(url, tmp_path / "dist"), **home)
    assert status == 0, said
    assert [path for path in (tmp_path / "dist").iterdir() if path.name.startswith("acme_chat")]
    assert reader not in said
    status, said = await run(*client(f"{index.url}/simple/", tmp_path / "other"), **home)
    assert status != 0, said


async def test_a_host_follows_a_private_index_with_its_token(private: tuple[Program, str], tmp_path: Path) -> None:
    index, reader = private
    settings = Settings(home=tmp_path / "host", index=index.url, index_token=SecretStr(reader), poll=600.0)
    async with running_host(settings) as host, httpx.AsyncClient(base_url=index.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        await host.until_serving("chat", "1.0")
        await upload(client, chat("1.1"))
        await host.until_serving("chat", "1.1")
    settings = Settings(home=tmp_path / "stranger", index=index.url, poll=600.0)
    async with running_host(settings) as host:

        async def refused() -> bool:
            (source,) = (await host.ask("GET", "/api/plugins")).json()["sources"]
            return source["state"] == "problem" and "401" in str(source["problem"])

        await host.until(refused, "the index refuses who brings no token")
        assert await host.plugin("chat") is None
