"""A name is either ours or the registry's: with its first file here, nothing else is served under it (dependency confusion)."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.program import chat, upload
from tests.index.upstream.registry import JSON, Registry

ACCEPT = {"Accept": JSON}


def ours(version: str = "1.0") -> BuiltWheel:
    return chat(version, says="# ours")


def theirs(version: str = "99.0") -> BuiltWheel:
    return chat(version, says="# theirs")


async def listed(client: httpx.AsyncClient, project: str = "acme-chat") -> set[str]:
    answer = await client.get(f"/simple/{project}/", headers=ACCEPT, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return {file["filename"] for file in answer.json()["files"]}


def address(built: BuiltWheel) -> str:
    return f"/files/{built.sha256}/{built.filename}"


async def test_a_name_with_a_file_here_is_never_asked_for(client: httpx.AsyncClient, registry: Registry) -> None:
    registry.has(theirs())
    await upload(client, ours())
    for spelling in ("acme-chat", "Acme.Chat", "acme__chat"):
        assert await listed(client, spelling) == {ours().filename}
    assert (await client.get(address(theirs()))).status_code == 404
    assert registry.asked == []


async def test_what_was_passed_through_before_is_gone_with_the_first_file_here(client: httpx.AsyncClient, registry: Registry) -> None:
    registry.has(theirs(), theirs("98.0"), metadata=b"Name: acme-chat")
    assert await listed(client) == {theirs().filename, theirs("98.0").filename}
    assert (await client.get(address(theirs()))).status_code == 200
    assert (await client.get(f"{address(theirs())}.metadata")).status_code == 200

    await upload(client, ours())

    for form in (JSON, "text/html"):
        text = (await client.get("/simple/acme-chat/", headers={"Accept": form})).text
        assert ours().filename in text
        assert "99.0" not in text
    for gone in (address(theirs()), f"{address(theirs())}.metadata", address(theirs("98.0"))):
        assert (await client.get(gone)).status_code == 404
    before = len(registry.asked)
    assert await listed(client) == {ours().filename}
    assert len(registry.asked) == before


@pytest.mark.parametrize("becomes", ["quarantine", "yank", "remove"])
async def test_a_name_stays_ours_whatever_becomes_of_its_files(client: httpx.AsyncClient, registry: Registry, becomes: str) -> None:
    registry.has(theirs())
    await upload(client, ours())
    if becomes == "remove":
        (await client.delete("/api/projects/acme-chat/1.0", params={"reason": "old"})).raise_for_status()
    else:
        (await client.post(f"/api/projects/acme-chat/1.0/{becomes}", json={"reason": "odd"})).raise_for_status()
    assert theirs().filename not in await listed(client)
    assert (await client.get(address(theirs()))).status_code == 404
    assert registry.asked == []


async def test_a_file_of_one_project_on_the_page_of_another_is_not_taken(client: httpx.AsyncClient, registry: Registry) -> None:
    registry.has(theirs(), chat("1.0", project="innocent", plugin=None))
    registry.pages["innocent"] += registry.pages.pop("acme-chat")
    await upload(client, ours())
    assert await listed(client, "innocent") == {"innocent-1.0-py3-none-any.whl"}
    assert (await client.get(address(theirs()))).status_code == 404


async def test_a_download_that_waits_for_the_registry_while_the_name_becomes_ours_ends_with_nothing(
    client: httpx.AsyncClient, registry: Registry
) -> None:
    registry.has(theirs())
    await listed(client)
    registry.gate = asyncio.Event()
    waiting = asyncio.create_task(client.get(address(theirs())))
    async with asyncio.timeout(60):
        await registry.waiting.wait()
    await upload(client, ours())
    registry.gate.set()
    assert (await waiting).status_code == 404


async def test_names_that_could_lead_elsewhere_are_not_asked_for(client: httpx.AsyncClient, registry: Registry) -> None:
    for path in (
        "/simple/%2e%2e%2fkept/",
        "/simple/a%3fb/",
        "/simple/a%0d%0ab/",
        "/simple/a%2fb/",
        "/simple/%c3%a4/",
        f"/simple/{'a' * 300}/",
    ):
        assert (await client.get(path)).status_code in {301, 404}, path
    assert registry.asked == []
