"""From a URL to verified bytes on disk, or to nothing at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

from plughost.errors import (
    AddressNotAllowed,
    DigestMismatch,
    DiskFull,
    FetchFailed,
    HomeNotWritable,
    OriginNotAllowed,
    ReleaseGone,
    WheelTooLarge,
)
from plughost.net import Client, Fetched, OriginRule, Rules, fetch
from plughost.net.client import Unavailable
from plughost.net.fetch import BATCH
from plughost.net.part import Part, off_loop
from tests.net.conftest import Open, Serve
from tests.net.servers import Answer, dripping, in_turn, raw, redirect, reply, silent

PATIENCE = 60.0
BODY = os.urandom(3 * BATCH + 17)
SHA256 = hashlib.sha256(BODY).hexdigest()
SHORT = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


async def get(client: Client, url: str, into: Path, **more: object) -> Fetched:
    options: dict[str, object] = {"filename": "a.whl", "sha256": SHA256, "cap": 1 << 30, "deadline": PATIENCE, **more}
    return await fetch(client, url, into=into, **options)  # type: ignore[arg-type]  # a test's shorthand


async def test_the_file_is_named_by_its_hash(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(reply(BODY, Content_Disposition='attachment; filename="../../evil"'))
    fetched = await get(opened(server.url), f"{server.url}/b.whl", into)
    assert fetched == Fetched(path=into / SHA256, sha256=SHA256, size=len(BODY))
    assert fetched.path.read_bytes() == BODY
    assert list(into.iterdir()) == [fetched.path]


async def test_progress_tells_bytes_and_total(serve: Serve, opened: Open, into: Path) -> None:
    said: list[tuple[int, int | None]] = []
    server = await serve(reply(BODY))
    await get(opened(server.url), server.url, into, progress=lambda done, total: said.append((done, total)))
    assert said == [(BATCH, len(BODY)), (2 * BATCH, len(BODY)), (3 * BATCH, len(BODY)), (len(BODY), len(BODY))]


async def test_the_total_is_unknown_where_the_server_does_not_say(serve: Serve, opened: Open, into: Path) -> None:
    said: list[tuple[int, int | None]] = []
    server = await serve(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", BODY))
    await get(opened(server.url), server.url, into, progress=lambda done, total: said.append((done, total)))
    assert said[-1] == (len(BODY), None)


async def test_where_nothing_was_promised_the_hash_is_told(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(reply(BODY))
    assert (await get(opened(server.url), server.url, into, sha256=None)).sha256 == SHA256


async def test_an_empty_file_is_a_file(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(reply(b""))
    fetched = await get(opened(server.url), server.url, into, sha256=hashlib.sha256(b"").hexdigest())
    assert (fetched.size, fetched.path.read_bytes()) == (0, b"")


async def test_other_bytes_are_refused_once_and_leave_nothing(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(reply(BODY))
    with pytest.raises(DigestMismatch) as caught:
        await get(opened(server.url), server.url, into, sha256="0" * 64)
    assert (caught.value.promised, caught.value.got) == ("0" * 64, SHA256)
    assert len(server.asked) == 1
    assert list(into.iterdir()) == []


@pytest.mark.parametrize(
    "answer",
    [reply(BODY), raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", BODY), dripping(b"x" * 4096, every=0)],
    ids=["told", "untold", "endless"],
)
async def test_a_file_over_the_cap_is_refused_once_and_leaves_nothing(serve: Serve, opened: Open, into: Path, answer: Answer) -> None:
    server = await serve(answer)
    with pytest.raises(WheelTooLarge) as caught:
        await get(opened(server.url), server.url, into, cap=len(BODY) - 1)
    assert (caught.value.wheel, caught.value.cap) == ("a.whl", len(BODY) - 1)
    assert len(server.asked) == 1
    assert list(into.iterdir()) == []


async def test_a_body_of_one_byte_now_and_then_meets_the_total_deadline(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(dripping())
    with pytest.raises(FetchFailed, match=r"did not arrive within 0\.4 s"):
        await get(opened(server.url), server.url, into, deadline=0.4)
    assert list(into.iterdir()) == []


async def test_the_deadline_includes_the_tries(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(in_turn(reply(status=503), silent))
    with pytest.raises(FetchFailed, match=r"did not arrive within 0\.4 s"):
        await get(opened(server.url), server.url, into, deadline=0.4)


@pytest.mark.parametrize("failing", [reply(status=500), reply(status=503), raw(), SHORT], ids=["500", "503", "closed", "short"])
async def test_what_may_work_in_a_moment_is_tried_three_times(serve: Serve, opened: Open, into: Path, failing: Answer) -> None:
    server = await serve(in_turn(failing, failing, reply(BODY)))
    assert (await get(opened(server.url), server.url, into)).size == len(BODY)
    assert list(into.iterdir()) == [into / SHA256]
    server = await serve(failing)
    with pytest.raises(FetchFailed):
        await get(opened(server.url), server.url, into)
    assert len(server.asked) == 3
    assert list(into.iterdir()) == [into / SHA256]


async def test_a_server_that_does_not_listen_is_tried_again(opened: Open, into: Path, unused_tcp_port: int) -> None:
    url = f"http://plugins.example.com:{unused_tcp_port}"
    dialled: list[str] = []

    def lookup(host: str, _: int) -> list[str]:
        dialled.append(host)
        return ["127.0.0.1"]

    with pytest.raises(Unavailable):
        await get(opened(url, lookup=lookup), url, into)
    assert len(dialled) == 3


@pytest.mark.parametrize(("status", "error"), [(404, FetchFailed), (403, FetchFailed), (410, ReleaseGone), (206, FetchFailed)])
async def test_other_answers_are_final(serve: Serve, opened: Open, into: Path, status: int, error: type[Exception]) -> None:
    server = await serve(reply(b"sorry", status=status))
    with pytest.raises(error) as caught:
        await get(opened(server.url), f"{server.url}/a.whl?signature=secret", into)
    assert type(caught.value) is error
    assert "secret" not in str(caught.value)
    assert len(server.asked) == 1
    assert list(into.iterdir()) == []


async def test_rules_hold_for_files_too(serve: Serve, opened: Open, into: Path) -> None:
    inside = await serve(reply(BODY))
    server = await serve(redirect(inside.url))
    for rules, error in (
        (Rules([OriginRule(url=server.url)]), OriginNotAllowed),
        (Rules([OriginRule(url=server.named("a.example.com"))]), AddressNotAllowed),
    ):
        url = server.url if error is OriginNotAllowed else server.named("a.example.com")
        with pytest.raises(error):
            await get(opened(rules=rules, lookup=lambda _, __: ["127.0.0.1"]), url, into)
    assert inside.connections == 0
    assert list(into.iterdir()) == []


async def test_a_caller_that_goes_away_leaves_nothing(serve: Serve, opened: Open, into: Path) -> None:
    begun = asyncio.Event()
    server = await serve(dripping(b"x" * BATCH, every=0))
    fetching = asyncio.create_task(get(opened(server.url), server.url, into, progress=lambda *_: begun.set()))
    async with asyncio.timeout(PATIENCE):
        await begun.wait()
    fetching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetching
    assert list(into.iterdir()) == []


async def test_a_file_of_this_machine_is_copied_where_that_is_allowed(opened: Open, into: Path, tmp_path: Path) -> None:
    source = tmp_path / "a wheel.whl"
    source.write_bytes(BODY)
    said: list[tuple[int, int | None]] = []
    fetched = await get(opened(), source.as_uri(), into, allow_file=True, progress=lambda done, total: said.append((done, total)))
    assert fetched.path.read_bytes() == BODY
    assert said[-1] == (len(BODY), len(BODY))
    with pytest.raises(OriginNotAllowed):
        await get(opened(), source.as_uri(), into)


async def test_a_file_url_is_a_regular_file_of_this_machine(opened: Open, into: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    bad = [
        "file:///nowhere/a.whl",
        f"file://example.com{tmp_path}/a.whl",
        f"{tmp_path.as_uri()}",
        f"{tmp_path.as_uri()}/pipe",
        "file:///dev/zero",
        "file:///a%00b",
    ]
    for url in bad:
        with pytest.raises(FetchFailed):
            await get(opened(), url, into, allow_file=True)
    assert list(into.iterdir()) == []


async def test_a_folder_that_is_not_there_is_not_writable(serve: Serve, opened: Open, into: Path) -> None:
    server = await serve(reply(BODY))
    with pytest.raises(HomeNotWritable):
        await get(opened(server.url), server.url, into / "missing")


@pytest.mark.parametrize(
    ("number", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EROFS, HomeNotWritable),
        (errno.EACCES, HomeNotWritable),
        (errno.EIO, HomeNotWritable),
    ],
)
def test_the_disks_errors_are_ours(into: Path, number: int, error: type[Exception]) -> None:
    class Sink:
        def write(self, _: bytes) -> int:
            raise OSError(number, os.strerror(number))

        def close(self) -> None:
            self.write(b"")  # what is left in the buffer cannot be written either

    part = Part(into)
    part.open()
    part._file().close()
    part._sink = Sink()  # type: ignore[assignment]  # a disk that fails
    with pytest.raises(error):
        part.write(b"x")
    part.discard()
    assert list(into.iterdir()) == []


def test_a_part_that_was_never_opened_can_be_discarded(into: Path) -> None:
    part = Part(into)
    part.discard()
    with pytest.raises(ValueError, match="not open"):
        part.write(b"x")


async def test_who_is_cancelled_waits_for_the_thread(opened: Open) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        begun.set()
        assert go_on.wait(PATIENCE)
        done.set()
        raise LookupError("nobody asks for it")

    disk = opened().disk
    waiting = asyncio.create_task(off_loop(disk, slow))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    waiting.cancel()
    release: Callable[[], None] = go_on.set
    asyncio.get_running_loop().call_soon(release)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done.is_set()


async def test_reading_and_writing_leave_the_loop_alone(serve: Serve, opened: Open, into: Path, tmp_path: Path) -> None:
    server = await serve(reply(BODY))
    client = opened(server.url)
    (tmp_path / "b.whl").write_bytes(BODY)
    with blockbuster_ctx():
        assert (await get(client, server.url, into)).size == len(BODY)
        assert (await get(client, (tmp_path / "b.whl").as_uri(), into, allow_file=True)).size == len(BODY)
