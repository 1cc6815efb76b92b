"""Headers that were not meant to be sent: tokens with a slip in them, what a server said in another script."""

from __future__ import annotations

import asyncio
import threading

import pytest

from plughost.errors import FetchFailed, SourceUnreachable
from plughost.net import Origin, follow
from plughost.net.client import Unavailable
from plughost.net.part import off_loop
from tests.net.conftest import Open, Serve
from tests.net.servers import raw, reply

PATIENCE = 60.0
CAP = 1 << 20


@pytest.mark.parametrize("token", ["se\ncret", "se\rcret", "se\0cret"])
async def test_a_token_that_no_header_can_carry_is_not_repeated(serve: Serve, opened: Open, token: str) -> None:
    server = await serve(reply(b"never"))
    client = opened(server.url, tokens={Origin.of(server.url): token})
    with pytest.raises(FetchFailed) as failed:
        await client.get(server.url, cap=CAP, deadline=PATIENCE)
    assert not isinstance(failed.value, Unavailable)
    assert "cret" not in f"{failed.value.detail} {failed.value.fields}"
    with pytest.raises(SourceUnreachable) as unreachable:
        await anext(follow(client, server.url))
    assert "cret" not in unreachable.value.detail
    assert server.asked == []


async def test_a_token_of_any_script_is_sent_as_utf8(serve: Serve, opened: Open) -> None:
    server = await serve(reply(b"here"))
    client = opened(server.url, tokens={Origin.of(server.url): "secr\u00e9t"})
    assert (await client.get(server.url, cap=CAP, deadline=PATIENCE)).body == b"here"
    assert server.asked[0].headers["authorization"].encode("latin-1") == "Bearer secr\u00e9t".encode()


async def test_an_etag_in_any_bytes_can_be_sent_back(serve: Serve, opened: Open) -> None:
    server = await serve(raw(b'HTTP/1.1 200 OK\r\nETag: "\xe9\xff"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'))
    client = opened(server.url)
    etag = (await client.get(server.url, cap=CAP, deadline=PATIENCE)).headers["etag"]
    await client.get(server.url, headers={"If-None-Match": etag}, cap=CAP, deadline=PATIENCE)
    assert "if-none-match" in server.asked[1].headers


async def test_a_label_that_is_too_long_is_a_name_that_cannot_be_looked_up(opened: Open) -> None:
    url = f"https://{'a' * 64}.example.com"
    with pytest.raises(Unavailable, match="cannot be looked up"):
        await opened(url).get(url, cap=CAP, deadline=PATIENCE)


async def test_who_is_cancelled_twice_still_waits_for_the_thread(opened: Open) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        done.set()

    waiting = asyncio.create_task(off_loop(opened().disk, slow))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    for _ in range(3):
        waiting.cancel()
        await asyncio.sleep(0)
    assert not waiting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done.is_set()
