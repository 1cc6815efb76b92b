"""An event stream, read: one connection, which ends by saying why."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import given
from hypothesis import strategies as st

from plughost.errors import SourceInvalid, SourceUnreachable
from plughost.http.stream import ServerSentEvent as Sent
from plughost.net import follow
from plughost.net.events import CAP
from tests.net.conftest import Open, Serve
from tests.net.servers import Answer, dripping, raw, reply

PATIENCE = 60.0
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"


async def test_each_event_is_told_until_the_stream_ends(serve: Serve, opened: Open) -> None:
    server = await serve(raw(HEAD, b": here\n\nid: 7\nevent: changed\n\n", b"data: a\nda", b"ta: b\r\n\r\n"))
    events = follow(opened(server.url), f"{server.url}/events", headers={"Last-Event-ID": "6"})
    seen = [await anext(events), await anext(events)]
    assert [(event.id, event.event, event.data) for event in seen] == [("7", "changed", ""), ("7", "message", "a\nb")]
    with pytest.raises(SourceUnreachable, match="the event stream ended"):
        await anext(events)
    assert server.asked[0].headers["last-event-id"] == "6"
    assert server.asked[0].headers["accept"] == "text/event-stream"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(status=404), SourceUnreachable),
        (reply(status=503), SourceUnreachable),
        (raw(), SourceUnreachable),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/event-stream\r\n\r\n: here\n\n"), SourceUnreachable),
        (reply(b"{}", Content_Type="application/json"), SourceInvalid),
        (reply(b"{}"), SourceInvalid),
    ],
)
async def test_what_is_no_stream_says_so(serve: Serve, opened: Open, answer: Answer, error: type[Exception]) -> None:
    server = await serve(answer)
    with pytest.raises(error) as caught:
        await anext(follow(opened(server.url), f"{server.url}/events?token=secret"))
    assert "secret" not in str(caught.value)


async def test_an_origin_that_may_not_be_asked_is_a_source_that_is_down(opened: Open) -> None:
    with pytest.raises(SourceUnreachable, match="no trust rule"):
        await anext(follow(opened(), "https://plugins.example.com/events"))


async def test_silence_ends_it_and_comments_keep_it(serve: Serve, opened: Open) -> None:
    quiet = await serve(_hold)
    with pytest.raises(SourceUnreachable):
        await anext(follow(opened(quiet.url), quiet.url, silence=0.3))
    alive = await serve(dripping(b": alive\n\n", every=0.05))
    waiting = asyncio.create_task(anext(follow(opened(alive.url), alive.url, silence=20)))
    await asyncio.wait({waiting}, timeout=0.5)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def _hold(_: object, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD + b": here\n\n")
    await asyncio.Event().wait()


async def test_bytes_without_an_event_are_not_kept_for_ever(serve: Serve, opened: Open) -> None:
    for endless in (b"x" * 65536, b"data: x\n" * 8192):
        server = await serve(dripping(endless, every=0))
        with pytest.raises(SourceInvalid, match="without an event"):
            await anext(follow(opened(server.url), server.url))


async def test_many_events_may_be_more_than_that(serve: Serve, opened: Open) -> None:
    event = b"data: " + b"x" * 65536 + b"\n\n"
    server = await serve(dripping(event, every=0))
    read = 0
    async with aclosing(follow(opened(server.url), server.url)) as events:
        async for each in events:
            read += len(each.data)
            if read > 2 * CAP:
                break


async def test_a_reader_that_goes_away_closes_the_connection(serve: Serve, opened: Open) -> None:
    closed = asyncio.Event()

    async def told(_: object, writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"data: a\n\n")
        try:
            while True:
                await asyncio.sleep(0.01)
                writer.write(b": alive\n\n")
                await writer.drain()
        finally:
            closed.set()

    server = await serve(told)
    async with aclosing(follow(opened(server.url), server.url)) as events:
        assert (await anext(events)).data == "a"
    async with asyncio.timeout(PATIENCE):
        await closed.wait()


one_line = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"))
anything = st.text(st.characters(blacklist_categories=["Cs"]))


@given(st.lists(st.builds(Sent, id=one_line.filter(bool), event=one_line.filter(bool), data=anything), max_size=5), st.data())
def test_what_is_sent_is_what_is_read_however_it_is_cut(events: list[Sent], data: st.DataObject) -> None:
    text = b"".join(event.encode() for event in events).decode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    lines, decoder = SSELineDecoder(), SSEDecoder()
    split = [line for piece in filter(None, pieces) for line in lines.decode(piece)] + lines.flush()
    read = [event for line in split if (event := decoder.decode(line))]
    assert [(event.id, event.event) for event in read] == [(event.id, event.event) for event in events]
    assert [event.data for event in read] == [(event.data or "").replace("\r\n", "\n").replace("\r", "\n") for event in events]
