"""Pages and the list are as new as the last answer to whoever changed something, also while many change things."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.program import chat, upload

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


async def test_who_has_published_sees_it_while_others_read_and_publish(client: httpx.AsyncClient) -> None:
    done = asyncio.Event()

    async def reading() -> None:
        while not done.is_set():
            await client.get("/simple/acme-chat/", headers=JSON)

    async def publishing(major: int) -> None:
        for minor in range(8):
            built = chat(f"{major}.{minor}")
            assert (await upload(client, built)).status_code == 200
            page = (await client.get("/simple/acme-chat/", headers=JSON)).json()
            assert built.filename in {file["filename"] for file in page["files"]}

    readers = [asyncio.ensure_future(reading()) for _ in range(3)]
    await asyncio.gather(*(publishing(major) for major in range(1, 4)))
    done.set()
    await asyncio.gather(*readers)
    assert len((await client.get("/simple/acme-chat/", headers=JSON)).json()["files"]) == 24


@pytest.mark.parametrize("path", ["/simple/acme-chat/", "/simple/", "/api/plugins/enabled", "file", "file.metadata"])
async def test_what_is_known_is_not_sent_again(client: httpx.AsyncClient, path: str) -> None:
    built = chat()
    await upload(client, built)
    path = path.replace("file", f"/files/{built.sha256}/{built.filename}")
    etag = (await client.get(path)).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await client.get(path, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b""), known
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


@pytest.mark.parametrize("path", ["/simple/acme-chat/", "/simple/", "/api/plugins/enabled", "file", "file.metadata", "/healthz"])
async def test_head_says_what_get_would(client: httpx.AsyncClient, path: str) -> None:
    built = chat()
    await upload(client, built)
    path = path.replace("file", f"/files/{built.sha256}/{built.filename}")
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert {**head.headers, "date": ""} == {**got.headers, "date": ""}


async def test_every_follower_hears_of_a_change(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    etag = (await client.get("/api/plugins/enabled")).headers["etag"]
    following = asyncio.Barrier(31)

    async def follow() -> str:
        limits = httpx.Limits(max_connections=None)
        async with (
            httpx.AsyncClient(base_url=client.base_url, timeout=60, limits=limits) as one,
            one.stream("GET", "/api/plugins/events", headers={"Last-Event-ID": etag}) as stream,
        ):
            lines = stream.aiter_lines()
            await anext(lines)
            await following.wait()
            async for line in lines:
                if line.startswith("id: "):
                    return line.removeprefix("id: ")
        raise AssertionError("the stream ended")

    followers = [asyncio.ensure_future(follow()) for _ in range(30)]
    async with asyncio.timeout(60):
        await following.wait()
        await client.post("/api/plugins/chat/enable")
        heard = await asyncio.gather(*followers)
    assert set(heard) == {(await client.get("/api/plugins/enabled")).headers["etag"]}


async def test_a_page_is_packed_only_for_those_who_can_unpack_it(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1", "1.2"):
        await upload(client, chat(version))
    for coding, packed in {"gzip": True, "gzip;q=0": False, "identity": False, "gzip;q=0.5, identity": True, "br": False}.items():
        answer = await client.get("/simple/acme-chat/", headers={"Accept-Encoding": coding})
        assert ("content-encoding" in answer.headers) == packed, coding
        assert answer.text.count("<a ") == 3


@pytest.mark.parametrize("other", ["acme_chat-1.0.0-py3-none-any.whl", "Acme.Chat-1.0-py3-none-any.whl"])
async def test_another_spelling_of_a_wheel_is_no_new_wheel(client: httpx.AsyncClient, other: str) -> None:
    await upload(client, chat("1.0"))
    spelled = chat("1.0.0" if "1.0.0" in other else "1.0")
    answer = await upload(client, BuiltWheel(other, spelled.data))
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"].startswith("File already exists")
    assert (await client.get("/simple/acme-chat/")).text.count("<a ") == 1
