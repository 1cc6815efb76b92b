"""Who follows the list: all hear of a change, who comes back hears what is new, who does not read is in nobody's way."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.index.program import PATIENCE, Program, chat, upload

EVENTS = "/api/plugins/events"
FOLLOWERS = 200


async def etag(client: httpx.AsyncClient) -> str:
    return str((await client.get("/api/plugins/enabled")).headers["etag"])


async def heard(lines: AsyncIterator[str]) -> str:
    """The id of the next event."""
    async for line in lines:
        if line.startswith("id: "):
            return line.removeprefix("id: ")
    raise AssertionError("the stream ended")


async def test_two_hundred_followers_all_hear_of_a_change(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    known = await etag(client)
    connected = asyncio.Barrier(FOLLOWERS + 1)
    limits = httpx.Limits(max_connections=None)

    async def follow(http: httpx.AsyncClient) -> str:
        async with http.stream("GET", EVENTS, headers={"Last-Event-ID": known}) as stream:
            lines = stream.aiter_lines()
            assert (await anext(lines)).startswith(":")
            await connected.wait()
            return await heard(lines)

    async with httpx.AsyncClient(base_url=client.base_url, timeout=PATIENCE, limits=limits) as http:
        followers = [asyncio.ensure_future(follow(http)) for _ in range(FOLLOWERS)]
        async with asyncio.timeout(PATIENCE):
            await connected.wait()
            await client.post("/api/plugins/chat/enable")
            told = await asyncio.gather(*followers)
    assert set(told) == {await etag(client)}


@pytest.mark.parametrize("known", [None, "current", '"another"', "no etag at all", "ünknöwn", '"' + "x" * 2000 + '"'])
async def test_who_knows_the_list_hears_the_next_change_and_who_knows_another_hears_at_once(
    client: httpx.AsyncClient, known: str | None
) -> None:
    await upload(client, chat())
    before = await etag(client)
    said = before if known == "current" else known
    headers = {} if said is None else {b"Last-Event-ID": said.encode()}
    async with asyncio.timeout(PATIENCE), client.stream("GET", EVENTS, headers=headers) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        if known in {None, "current"}:
            await client.post("/api/plugins/chat/enable")
            after = await etag(client)
            assert after != before
            assert await heard(lines) == after
        else:
            assert await heard(lines) == before


@pytest.mark.parametrize("verb", ["enable", "disable", "quarantine", "unquarantine", "remove", "revoke", "revoked", "upload"])
async def test_whatever_changes_the_list_or_the_revocations_is_told(client: httpx.AsyncClient, verb: str) -> None:
    await upload(client, chat())
    if verb != "enable":
        await client.post("/api/plugins/chat/enable")
    if verb == "unquarantine":
        await client.post("/api/projects/acme-chat/1.0/quarantine")
    before = await etag(client)
    async with asyncio.timeout(PATIENCE), client.stream("GET", EVENTS, headers={"Last-Event-ID": before}) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        await _done(client, verb)
        told = await heard(lines)
    assert told == await etag(client) != before


async def _done(client: httpx.AsyncClient, verb: str) -> None:
    match verb:
        case "enable" | "disable":
            answer = await client.post(f"/api/plugins/chat/{verb}")
        case "remove":
            answer = await client.delete("/api/projects/acme-chat/1.0")
        case "revoked":
            answer = await client.post("/api/revoked", json={"sha256": "0" * 64, "reason": "elsewhere"})
        case "upload":
            answer = await upload(client, chat("1.1"))
        case _:
            answer = await client.post(f"/api/projects/acme-chat/1.0/{verb}")
    assert answer.status_code == 200, answer.text


async def test_who_never_reads_is_in_nobody_s_way(client: httpx.AsyncClient, index: Program) -> None:
    await upload(client, chat())
    address = httpx.URL(index.url)
    known = await etag(client)
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        deaf.connect((address.host, address.port))
        deaf.sendall(f"GET {EVENTS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE), client.stream("GET", EVENTS, headers={"Last-Event-ID": known}) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            for verb in ("enable", "disable") * 20:
                await _done(client, verb)
                assert await heard(lines) == await etag(client)
