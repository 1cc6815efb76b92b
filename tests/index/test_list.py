"""The plugin list: what is enabled, followed by a real source, told by the event stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from plughost.catalog import ListSource
from plughost.net import Client, Rules, own_origin
from tests.index.program import Program, chat, upload


async def listed(client: httpx.AsyncClient) -> list[dict[str, object]]:
    entries: list[dict[str, object]] = (await client.get("/api/plugins/enabled")).json()
    return entries


async def test_a_first_upload_is_not_enabled_and_enabling_follows_the_newest_that_is_not_yanked(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0"))
    assert await listed(client) == []
    await client.post("/api/plugins/chat/enable")
    assert [entry["version"] for entry in await listed(client)] == ["1.0"]
    await upload(client, chat("1.1"))
    assert [entry["version"] for entry in await listed(client)] == ["1.1"]
    await client.post("/api/projects/acme-chat/1.1/yank", json={"reason": "broken"})
    assert [entry["version"] for entry in await listed(client)] == ["1.0"]
    await client.post("/api/projects/acme-chat/1.1/unyank")
    assert [entry["version"] for entry in await listed(client)] == ["1.1"]
    await client.post("/api/plugins/chat/disable")
    assert await listed(client) == []


async def test_a_specifier_holds_and_a_bare_version_means_that_one(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1", "2.0"):
        await upload(client, chat(version))
    await client.post("/api/plugins/chat/enable", json={"version": "<2"})
    assert [entry["version"] for entry in await listed(client)] == ["1.1"]
    await client.post("/api/plugins/chat/enable", json={"version": "1.0"})
    assert [entry["version"] for entry in await listed(client)] == ["1.0"]
    answer = await client.post("/api/plugins/chat/enable", json={"version": ">3"})
    assert (answer.status_code, answer.json()["code"]) == (404, "release-unknown")
    answer = await client.post("/api/plugins/chat/enable", json={"version": "new"})
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


async def test_a_host_s_source_reads_it_and_follows_its_stream(client: httpx.AsyncClient, index: Program) -> None:
    http = Client(Rules([own_origin(index.url)]))
    source = ListSource(index.url, http)
    try:
        await upload(client, chat("1.0"))
        await client.post("/api/plugins/chat/enable")
        answer = await source.poll()
        assert answer is not None
        (listing,) = answer.listings
        assert (listing.name, listing.version, listing.project, listing.wheels[0].sha256) == (
            "chat",
            "1.0",
            "acme-chat",
            chat("1.0").sha256,
        )
        assert await source.poll() is None

        changes = source.changes()
        told = asyncio.ensure_future(anext(aiter(changes)))
        await asyncio.sleep(0)
        await upload(client, chat("1.1"))
        async with asyncio.timeout(60):
            await told
        answer = await source.poll()
        assert answer is not None
        assert answer.listings[0].version == "1.1"
        found = await source.find("chat", project=None, specifier="1.0")
        assert found.version == "1.0"
    finally:
        await http.close()


async def test_who_knows_another_list_hears_of_it_at_once(client: httpx.AsyncClient) -> None:
    etag = (await client.get("/api/plugins/enabled")).headers["etag"]
    await upload(client, chat())
    await client.post("/api/plugins/chat/enable")
    async with asyncio.timeout(60), client.stream("GET", "/api/plugins/events", headers={"Last-Event-ID": etag}) as stream:
        lines = [line async for line in _until(stream.aiter_lines(), "data")]
    assert "event: changed" in lines
    now = (await client.get("/api/plugins/enabled")).headers["etag"]
    assert f"id: {now}" in lines


async def _until(lines: AsyncIterator[str], start: str) -> AsyncIterator[str]:
    async for line in lines:
        yield line
        if line.startswith(start):
            return


async def test_several_wheels_of_one_release_are_all_named(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0", tag="py3-none-any"))
    await upload(client, chat("1.0", tag="py3-none-manylinux_2_17_x86_64"))
    await client.post("/api/plugins/chat/enable")
    (entry,) = await listed(client)
    wheels = entry["wheels"]
    assert isinstance(wheels, list)
    assert len(wheels) == 2


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/api/plugins/chat/enable"), ("POST", "/api/projects/acme-chat/1.0/yank"), ("GET", "/api/tokens"), ("GET", "/api/audit")],
)
async def test_managing_needs_a_token_that_may(client: httpx.AsyncClient, method: str, path: str) -> None:
    await upload(client, chat())
    other = (await client.post("/api/tokens", json={"name": "x", "actions": ["manage"], "projects": ["other-*"]})).json()
    async with httpx.AsyncClient(base_url=client.base_url) as bare:
        assert (await bare.request(method, path)).status_code == 401
        answer = await bare.request(method, path, headers={"Authorization": f"Bearer {other['token']}"})
        assert (answer.status_code, answer.json()["code"]) == (403, "token-refused")
    await client.delete(f"/api/tokens/{other['id']}")
    answer = await client.request(method, path, headers={"Authorization": f"Bearer {other['token']}"})
    assert answer.status_code == 401


async def test_a_rotated_token_has_a_new_secret_only(client: httpx.AsyncClient) -> None:
    made = (await client.post("/api/tokens", json={"name": "x", "actions": ["admin"]})).json()
    rotated = (await client.post(f"/api/tokens/{made['id']}/rotate")).json()
    for token, status in ((made["token"], 401), (rotated["token"], 200)):
        assert (await client.get("/api/tokens", headers={"Authorization": f"Bearer {token}"})).status_code == status
    assert "token" not in (await client.get("/api/tokens")).json()["tokens"][0]


async def test_what_runs_stays_listed_when_all_that_fits_is_yanked(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1"):
        await upload(client, chat(version))
    await client.post("/api/plugins/chat/enable", json={"version": "1.0"})
    await client.post("/api/projects/acme-chat/1.0/yank", json={"reason": "broken"})
    assert [entry["version"] for entry in await listed(client)] == ["1.0"]
    answer = await client.post("/api/plugins/chat/enable", json={"version": "1.0"})
    assert (answer.status_code, answer.json()["code"]) == (404, "release-unknown")
    await client.post("/api/plugins/chat/enable")
    assert [entry["version"] for entry in await listed(client)] == ["1.1"]


async def test_a_yank_of_one_file_leaves_the_others_of_the_release(client: httpx.AsyncClient) -> None:
    one, other = chat("1.0", tag="py3-none-any"), chat("1.0", tag="py3-none-manylinux_2_17_x86_64")
    for each in (one, other):
        await upload(client, each)
    await client.post("/api/plugins/chat/enable")
    answer = await client.post("/api/projects/Acme_Chat/1.0/yank", json={"filename": one.filename})
    assert {file["filename"]: file["yanked"] for file in answer.json()["releases"][0]["files"]} == {one.filename: "", other.filename: None}
    (entry,) = await listed(client)
    assert "wheels" not in entry
    assert str(entry["remoteEntryUrl"]).endswith(other.filename)


async def test_an_upload_that_changes_nothing_of_the_list_is_not_told(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0"))
    await client.post("/api/plugins/chat/enable", json={"version": "1.0"})
    etag = (await client.get("/api/plugins/enabled")).headers["etag"]
    async with asyncio.timeout(60), client.stream("GET", "/api/plugins/events", headers={"Last-Event-ID": etag}) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        await upload(client, chat("1.1"))
        await upload(client, chat(project="acme-other", plugin="other"))
        await client.post("/api/plugins/chat/disable")
        told = [line async for line in _until(lines, "data")]
    now = (await client.get("/api/plugins/enabled")).headers["etag"]
    assert [line for line in told if line.startswith("id:")] == [f"id: {now}"]


async def test_a_plugin_shows_its_project_files_and_who_enabled_it(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0", requires_python=">=3.8"))
    await client.post("/api/plugins/chat/enable", json={"version": ">=1", "reason": "for all"})
    shown = (await client.get("/api/plugins/chat")).json()
    assert (shown["project"], shown["enabled"]["version"], shown["enabled"]["specifier"]) == ("acme-chat", "1.0", ">=1")
    assert (shown["enabled"]["by"], shown["enabled"]["reason"]) == ("admin", "for all")
    (file,) = shown["releases"][0]["files"]
    assert (file["sha256"], file["uploader"], file["entry_points"]) == (
        chat("1.0", requires_python=">=3.8").sha256,
        "admin",
        {"chat": "acme_chat:plugin"},
    )
    assert (await client.get("/api/plugins")).json()["plugins"] == [shown]
    answer = await client.get("/api/plugins/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "plugin-unknown")


async def test_a_token_that_has_expired_is_valid_no_more(client: httpx.AsyncClient) -> None:
    body = {"name": "x", "actions": ["admin"], "expires": "2001-01-01T00:00:00Z"}
    made = (await client.post("/api/tokens", json=body)).json()
    answer = await client.get("/api/tokens", headers={"Authorization": f"Bearer {made['token']}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
    wrongs: list[dict[str, object]] = [{"expires": "soon"}, {"actions": []}, {"actions": ["all"]}, {"unknown": 1}]
    for wrong in wrongs:
        assert (await client.post("/api/tokens", json=body | wrong)).status_code == 422


async def test_plugins_come_in_pages(client: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await upload(client, chat(project=f"acme-{name}", plugin=name))
    first = (await client.get("/api/plugins", params={"limit": 2})).json()
    rest = (await client.get("/api/plugins", params={"limit": 2, "next": first["next"]})).json()
    assert [each["name"] for each in first["plugins"] + rest["plugins"]] == ["a", "b", "c"]
    assert "next" not in rest


async def test_versions_that_are_equal_are_one_release(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0", tag="py3-none-any"))
    await upload(client, chat("1.0.0", tag="py3-none-manylinux_2_17_x86_64"))
    await client.post("/api/plugins/chat/enable", json={"version": "1"})
    (entry,) = await listed(client)
    assert isinstance(entry["wheels"], list)
    assert len(entry["wheels"]) == 2
