"""The server that drains (contract.md, section 6): what has begun finishes, what is endless is closed, the exit status is 0."""

from __future__ import annotations

import asyncio
import signal
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from plughost.errors import AddressUnavailable
from plughost.http.reason import HEAD_BYTES, reason_phrase
from plughost.http.serving import _bind
from tests.http.conftest import PATIENCE, Child, Run

SIGNALS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", SIGNALS)
async def test_an_idle_server_ends_with_0(run: Run, number: signal.Signals) -> None:
    child = await run()
    await child.serving()
    assert (await child.http.get("/quick")).text == "yes"
    assert await child.stop(number) == 0
    assert [said for said in child.said if not said.startswith("serving on")] == ["started", "ready", "stopped"]


async def test_under_load_no_answer_is_cut_in_the_middle(run: Run) -> None:
    child = await run()
    await child.serving()
    warm, broken = asyncio.Event(), list[str]()

    async def ask() -> None:
        for number in range(100_000):
            try:
                answer = await child.http.get("/large")
            except httpx.TransportError as error:
                broken.append(str(error))
                return
            assert len(answer.content) == 4 * 65536
            if number == 5:
                warm.set()

    askers = [asyncio.create_task(ask()) for _ in range(8)]
    async with asyncio.timeout(PATIENCE):
        await warm.wait()
        assert await child.stop(signal.SIGTERM) == 0
        await asyncio.gather(*askers)
    assert len(broken) == 8
    assert not [error for error in broken if "complete message body" in error]
    assert "cut" not in child.said


async def test_what_has_begun_finishes_and_what_is_new_is_told_so(run: Run) -> None:
    child = await run()
    await child.serving()
    slow = asyncio.create_task(child.http.get("/slow"))
    await child.says("slow")
    child.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while (await child.http.get("/quick")).status_code != 503:
            await asyncio.sleep(0.01)
        assert not slow.done()
        await child.http.get("/release")
        assert (await slow).text == "finished"
    assert await child.ended() == 0
    assert child.said[-1] == "stopped"


@pytest.mark.parametrize("cut", ["works", "fails"])
async def test_an_endless_stream_is_cut_after_the_drain(run: Run, cut: str) -> None:
    child = await run(drain=0.2, cut=cut)
    await child.serving()
    async with child.http.stream("GET", "/endless") as stream:
        lines = aiter(stream.aiter_lines())
        assert await anext(lines) == "more"
        assert await child.stop(signal.SIGTERM) == 0
    assert child.said[-2:] == ["cut", "stopped"]


async def test_websockets_are_told_that_the_server_restarts(run: Run) -> None:
    child = await run()
    await child.serving()
    async with connect(f"{child.url.replace('http', 'ws')}/talk") as websocket:
        assert await websocket.recv() == "here"
        child.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionClosed) as closed:
                await websocket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert await child.ended() == 0
    assert "left 1012" in child.said
    assert "cut" not in child.said


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_second_signal_ends_it_at_once(run: Run, number: signal.Signals) -> None:
    child = await run()
    await child.serving()
    slow = asyncio.create_task(child.http.get("/slow"))
    await child.says("slow")
    child.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while (await child.http.get("/quick")).status_code != 503:
            await asyncio.sleep(0.01)
    assert await child.stop(number) == 128 + number
    assert "stopped" not in child.said
    with pytest.raises(httpx.TransportError):
        await slow


async def test_a_request_that_swallows_its_cancellation_does_not_keep_the_process(run: Run) -> None:
    child = await run(drain=0.1, stop=0.1)
    await child.serving()
    deaf = asyncio.create_task(child.http.get("/deaf"))
    await child.says("deaf")
    assert await child.stop(signal.SIGTERM) == 0
    with pytest.raises(httpx.TransportError):
        await deaf


async def test_an_application_that_never_stops_does_not_keep_the_process(run: Run) -> None:
    child = await run(drain=0.1, stop=0.1, lifespan="never stops")
    await child.serving()
    assert await child.stop(signal.SIGTERM) == 0
    assert "stopped" not in child.said


async def test_an_application_that_does_not_start_ends_it_with_1(run: Run) -> None:
    child = await run(lifespan="fails")
    assert await child.ended() == 1
    assert child.said == []


async def test_a_signal_during_the_start_ends_it_with_0_once_it_has_started(run: Run) -> None:
    child = await run(lifespan="waits")
    await child.says("starting")
    child.process.send_signal(signal.SIGTERM)
    await child.type()
    assert await child.ended() == 0
    assert child.said[-1] == "stopped"


async def test_two_signals_during_the_start_end_it_at_once(run: Run) -> None:
    child = await run(lifespan="waits")
    await child.says("starting")
    child.process.send_signal(signal.SIGTERM)
    assert await child.stop(signal.SIGINT) in {128 + signal.SIGTERM, 128 + signal.SIGINT}  # the kernel may deliver either first
    assert "started" not in child.said


def _taken() -> socket.socket:
    taken = socket.socket()
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind(("127.0.0.1", 0))
    return taken


async def test_a_port_in_use_is_said_before_anything_starts(run: Run) -> None:
    with _taken() as taken:
        taken.listen()
        child = await run(port=taken.getsockname()[1])
        assert await child.ended() == 3
    assert child.said == ["address-unavailable"]


async def test_a_port_that_is_taken_during_the_start_is_said_and_the_application_stops(run: Run) -> None:
    with _taken() as taken:
        child = await run(port=taken.getsockname()[1], lifespan="waits")
        await child.says("starting")
        taken.listen()
        await child.type()
        assert await child.ended() == 3
    assert child.said == ["starting", "started", "stopped", "address-unavailable"]


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 65536), ("127.0.0.1", -1), ("203.0.113.1", 0), ("no-such-host.invalid", 0)])
def test_an_address_that_cannot_be_bound_is_an_error_of_ours(host: str, port: int) -> None:
    with pytest.raises(AddressUnavailable) as refused:
        _bind(host, port)
    assert (refused.value.host, refused.value.port) == (host, port)


def test_its_connections_send_small_answers_at_once() -> None:
    with _bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP  # asyncio sets TCP_NODELAY on these alone
        assert not bound.get_inheritable()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
async def test_an_ipv6_address_is_written_so_that_a_client_can_use_it(run: Run) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 address")
    child = await run(host="::1")
    await child.serving()
    assert child.url.startswith("http://[::1]:")
    assert (await child.http.get("/quick")).text == "yes"


async def _first_lines(child: Child, path: str) -> list[bytes]:
    """The head of an answer, as it is on the wire."""
    address = httpx.URL(child.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.partition(b"\r\n\r\n")[0].split(b"\r\n")


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        (b"chat 1.0 exists already", b"chat 1.0 exists already"),
        (b"a\r\nSet-Cookie: b=c", b"a  Set-Cookie: b=c"),
        (b"a\nb\0c\x7fd\te", b"a b c d e"),
        ("b\u00fccher".encode("latin-1"), b"b\xfccher"),
        (b"x" * 1000, b"x" * 200),
        (b"\r\n", b""),
    ],
)
async def test_an_application_chooses_the_reason_phrase_and_nothing_else(run: Run, text: bytes, phrase: bytes) -> None:
    child = await run(reason=True)
    await child.serving()
    head = await _first_lines(child, f"/reason?hex={text.hex()}")
    assert head[0] == b"HTTP/1.1 400 " + phrase
    assert not [line for line in head[1:] if line.lower().startswith(b"set-cookie")]
    assert (await _first_lines(child, "/quick"))[0] == b"HTTP/1.1 200 OK"


async def test_a_head_that_does_not_end_is_refused_while_others_are_answered(run: Run) -> None:
    child = await run(reason=True)
    await child.serving()
    address = httpx.URL(child.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /quick HTTP/1.1\r\nhost: x\r\nx: ")
    for _ in range(HEAD_BYTES // 1024 + 2):
        writer.write(b"x" * 1024)
    assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")
    writer.close()
    assert (await _first_lines(child, "/quick"))[0] == b"HTTP/1.1 200 OK"


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_a_reason_phrase_never_ends_its_line(text: bytes) -> None:
    phrase = reason_phrase(text)
    assert len(phrase) <= 200
    assert all(byte >= 0x20 and byte != 0x7F for byte in phrase)
