"""Server-sent events (WHATWG HTML, section 9.2), as they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.responses import StreamingResponse

from plughost.http.stream import ServerSentEvent, sse

PATIENCE = 60.0
_TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n:\u2028\x85\x00 "))
_LINE = _TEXT.map(lambda text: "".join(text.splitlines()).replace("\x00", ""))


def _read(sent: bytes) -> list[tuple[str, str, str]]:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=sent)
    return [(event.id, event.event, event.data) for event in EventSource(response).iter_sse()]


def test_an_event_is_written_as_the_standard_has_it() -> None:
    assert ServerSentEvent(id="7", event="plugin.phase", data='{"a": 1}').encode() == b'id: 7\nevent: plugin.phase\ndata: {"a": 1}\n\n'
    assert ServerSentEvent(data="a\nb\r\nc\rd").encode() == b"data: a\ndata: b\ndata: c\ndata: d\n\n"
    assert ServerSentEvent(data="").encode() == b"data: \n\n"


@given(_LINE, _LINE, _TEXT)
@example("1", "e", " leading space")
@example("1", "e", "\u2028\x85")
@settings(deadline=None)
def test_an_event_is_read_as_it_was_meant(number: str, kind: str, data: str) -> None:
    sent = ServerSentEvent(id=number, event=kind, data=data).encode()
    assert _read(sent + ServerSentEvent(event="last", data="x").encode())[0] == (
        number,
        kind or "message",
        data.replace("\r\n", "\n").replace("\r", "\n"),
    )


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\r\n:\u2028 ")), _TEXT)
@settings(deadline=None)
def test_no_text_makes_a_second_event_or_another_field(hostile: str, data: str) -> None:
    sent = ServerSentEvent(id=hostile, event=hostile, data=data).encode()
    assert len(_read(sent)) == 1
    assert {line.partition(b":")[0] for line in sent.replace(b"\r", b"\n").split(b"\n") if line} == {b"id", b"event", b"data"}


def test_text_that_utf8_cannot_say_does_not_break_the_stream() -> None:
    assert _read(ServerSentEvent(event="e", data="half \ud83d").encode()) == [("", "e", "half ?")]


def _body(response: StreamingResponse) -> AsyncGenerator[bytes, None]:
    body = response.body_iterator
    assert isinstance(body, AsyncGenerator)
    return body


class _Events:
    """Events as they are put in; knows whether its reader has left."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[ServerSentEvent | None] = asyncio.Queue()
        self.left = asyncio.Event()

    async def __call__(self) -> AsyncIterator[ServerSentEvent]:
        try:
            while (event := await self.queue.get()) is not None:
                yield event
        finally:
            self.left.set()


async def test_a_stream_says_at_once_that_it_is_there_then_each_event_and_ends_as_they_do() -> None:
    events = _Events()
    response = sse(events(), headers={"Access-Control-Allow-Origin": "*"})
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-accel-buffering"] == "no"
    assert response.headers["access-control-allow-origin"] == "*"
    async with asyncio.timeout(PATIENCE):
        body = _body(response)
        assert (await anext(body)).startswith(b":")
        for data in ("1", "2"):
            events.queue.put_nowait(ServerSentEvent(data=data))
            assert await anext(body) == f"data: {data}\n\n".encode()
        events.queue.put_nowait(None)
        assert [chunk async for chunk in body] == []
        await events.left.wait()


async def test_silence_is_broken_by_comments() -> None:
    events = _Events()
    async with asyncio.timeout(PATIENCE):
        body = _body(sse(events(), heartbeat=0.01))
        await anext(body)
        assert await anext(body) == b": alive\n\n"
        events.queue.put_nowait(ServerSentEvent(data="1"))
        while (chunk := await anext(body)) == b": alive\n\n":
            pass
        assert chunk == b"data: 1\n\n"
        await body.aclose()


async def test_a_stream_ends_when_the_server_stops() -> None:
    events, stopping = _Events(), False
    async with asyncio.timeout(PATIENCE):
        body = _body(sse(events(), stopping=lambda: stopping))
        await anext(body)
        events.queue.put_nowait(ServerSentEvent(data="1"))
        await anext(body)
        stopping = True
        assert [chunk async for chunk in body] == []
        await events.left.wait()


async def test_a_client_that_leaves_is_not_waited_for() -> None:
    events = _Events()
    async with asyncio.timeout(PATIENCE):
        body = _body(sse(events()))
        await anext(body)
        events.queue.put_nowait(ServerSentEvent(data="1"))
        await anext(body)
        await body.aclose()
    assert events.left.is_set()


async def test_an_error_of_the_events_ends_the_stream() -> None:
    async def failing() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="1")
        raise LookupError("gone")

    async with asyncio.timeout(PATIENCE):
        body = _body(sse(failing()))
        await anext(body)
        await anext(body)
        with pytest.raises(LookupError):
            await anext(body)
