"""pip and uv with the index alone: a plugin that is here, what it requires from the registry, and all of it again when that is gone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.clients.child import Desk
from tests.index.clients.readers import READERS
from tests.index.clients.shop import publish
from tests.index.program import ADMIN, Program, chat, running
from tests.index.upstream.registry import JSON, Registry, passing
from tests.index.upstream.registry import registry as running_registry

GOT = {"acme-chat": "1.0", "lib-one": "1.5", "lib-two": "3.0"}


def plugin() -> BuiltWheel:
    return chat("1.0", requires=["lib-one<2"])


def libraries() -> list[BuiltWheel]:
    return [
        chat("1.4", project="lib-one", plugin=None),
        chat("1.5", project="lib-one", plugin=None, requires=["lib-two"]),
        chat("2.0", project="lib-one", plugin=None),
        chat("3.0", project="lib-two", plugin=None),
    ]


async def get(client: str, index: Program, desk: Desk) -> None:
    got = await READERS[client]([f"{index.url}/simple/"], "acme-chat", desk)
    assert got.ended.status == 0, got.ended.said
    assert got.chosen == GOT


@pytest.mark.parametrize("form", [JSON, "text/html"])
@pytest.mark.parametrize("client", ["pip install", "uv pip install"])
async def test_what_was_installed_once_is_installed_again_without_the_registry(tmp_path: Path, client: str, form: str) -> None:
    home = tmp_path / "index" / "home"
    async with running_registry() as registry, passing(home, registry.url) as index:
        registry.form = form
        registry.has(*libraries())
        await publish(index, plugin())
        await get(client, index, Desk(folder=tmp_path / "first"))
        assert registry.count("/simple/acme-chat/") == 0
        fetched = {request.target for request in registry.asked if request.target.endswith(".whl")}
        assert fetched == {f"/kept/lib_{name}-py3-none-any.whl" for name in ("one-1.5", "two-3.0")}

    async with passing(home, registry.url) as index:  # nobody serves there any more
        await get(client, index, Desk(folder=tmp_path / "again"))


@pytest.mark.parametrize("client", ["pip install", "uv pip install"])
async def test_another_index_is_a_registry_and_only_metadata_is_fetched_of_what_is_not_chosen(tmp_path: Path, client: str) -> None:
    async with (
        running(tmp_path / "upstream" / "home") as upstream,
        passing(tmp_path / "index" / "home", f"{upstream.url}/simple") as index,
    ):
        await publish(upstream, *libraries())
        await publish(index, plugin())
        await get(client, index, Desk(folder=tmp_path / "desk"))
    kept = {path.name for path in (tmp_path / "index/home/blobs").rglob("*") if path.is_file()}
    assert {built.sha256 for built in libraries() if built.filename[:11] in {"lib_one-1.4", "lib_one-2.0"}}.isdisjoint(kept)


@pytest.mark.parametrize("client", ["pip install", "uv pip install"])
async def test_a_registry_that_does_not_answer_fails_the_installation(tmp_path: Path, registry: Registry, client: str) -> None:
    registry.has(*libraries())
    registry.down = True
    async with passing(tmp_path / "index" / "home", registry.url) as index:
        await publish(index, plugin())
        got = await READERS[client]([f"{index.url}/simple/"], "acme-chat", Desk(folder=tmp_path / "desk"))
    assert got.ended.status != 0
    assert client.startswith("pip") or "502" in got.ended.said  # pip tells why only with -v


async def test_with_private_only_who_may_read_a_project_gets_it_and_nobody_else_has_it_asked_for(
    tmp_path: Path, registry: Registry
) -> None:
    built = chat("1.0", project="lib-one", plugin=None)
    registry.has(built)
    file = f"/files/{built.sha256}/{built.filename}"
    async with passing(tmp_path / "home", registry.url, arguments=["--private"]) as index:
        async with httpx.AsyncClient(base_url=index.url) as client:
            assert (await client.get("/simple/lib-one/")).status_code == 401
        assert registry.asked == []
        tokens = await _readers(index, "lib-*", "acme-*")
        reader, stranger = (httpx.AsyncClient(base_url=index.url, auth=("__token__", token)) for token in tokens)
        async with reader, stranger:
            assert (await stranger.get("/simple/lib-one/")).status_code == 403
            assert registry.asked == []
            assert (await reader.get("/simple/lib-one/")).status_code == 200
            assert (await stranger.get(file)).status_code == 403
            assert registry.count(f"/kept/{built.filename}") == 0
            assert (await reader.get(file)).content == built.data


async def _readers(index: Program, *globs: str) -> list[str]:
    made = []
    async with httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}) as admin:
        for glob in globs:
            answer = await admin.post("/api/tokens", json={"name": glob, "actions": ["read"], "projects": [glob]})
            made.append(answer.json()["token"])
    return made
