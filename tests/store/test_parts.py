"""The small parts of the store, each by itself."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from plughost.errors import DirectUrl, ReleaseChanged, ResolutionFailed, SharedConflict, SourceUnreachable
from plughost.model.artifact import StoredWheel
from plughost.store import closure, said
from plughost.store.child import environment, run
from plughost.store.layout import Layout
from plughost.store.pins import Pins, Release
from plughost.store.resolve import Question
from plughost.store.stubs import is_stub, put_stub
from plughost.store.threads import Threads
from plughost.store.turn import turn
from plughost.store.unpack import unpack
from tests.store.conftest import OpenStore
from tests.store.indexes import DEADLINE, Net
from tests.store.targets import lib, plugin, shared, site_of, target


def stored(project: str, version: str = "1.0", *requires: str) -> StoredWheel:
    return StoredWheel(project=project, version=version, sha256="0" * 64, path=Path(project), tops=(), native=False, requires=requires)


CLOSURES = {
    "nothing required": ((), (), None),
    "all there": (("acme-lib>=1",), (stored("acme-lib"),), None),
    "one too old": (("acme-lib>=2",), (stored("acme-lib"),), "acme-chat requires acme-lib>=2, here is 1.0"),
    "one missing": (("acme-lib",), (), "acme-chat requires acme-lib, here is none"),
    "another platform": (("acme-lib; sys_platform == 'nowhere'",), (), None),
    "no extra": (("acme-lib",), (stored("acme-lib", "1.0", "acme-x; extra == 'x'"),), None),
    "an extra": (("acme-lib[x]",), (stored("acme-lib", "1.0", "acme-x; extra == 'x'"),), "acme-lib requires acme-x"),
    "a deep one": (("acme-lib",), (stored("acme-lib", "1.0", "acme-two<1"), stored("acme-two")), "acme-lib requires acme-two<1"),
    "a pre-release": (("acme-lib>=2",), (stored("acme-lib", "2.1rc1"),), None),
    "a circle": (("acme-lib",), (stored("acme-lib", "1.0", "acme-chat"),), None),
    "the host's": (("click>=8", "fastapi"), (), None),
    "the host's offer does not fit": (("click>=9",), (), "acme-chat requires click>=9, here is 8.1"),
    "an own copy instead": (("click>=9",), (stored("click", "9.0"),), None),
}


@pytest.mark.parametrize("what", CLOSURES)
def test_a_closure_is_whole_or_it_is_said_what_is_not(what: str) -> None:
    requires, others, expected = CLOSURES[what]
    share = shared(fastapi="0.165.0") | shared("offered", click="8.1")
    error = closure.refusal("chat 1.0", closure.asks(stored("acme-chat", "1.0", *requires), others, share), share)
    if expected is None:
        assert error is None
    else:
        assert isinstance(error, ResolutionFailed)
        assert expected in str(error)


def test_a_strict_one_that_does_not_fit_is_a_conflict_even_beside_an_own_copy() -> None:
    share = shared(fastapi="0.165.0")
    asks = closure.asks(stored("acme-chat", "1.0", "fastapi>=1"), [stored("fastapi", "1.0")], share)
    error = closure.refusal("chat 1.0", asks, share)
    assert isinstance(error, SharedConflict)
    assert error.wanted == ["acme-chat requires fastapi>=1"]


def test_a_stub_holds_metadata_alone_and_equal_ones_share_a_path(tmp_path: Path) -> None:
    path = put_stub(tmp_path, "acme-lib", "1.0", requires=["acme-x; extra == 'x'"], extras={"x"})
    assert put_stub(tmp_path, "acme-lib", "1.0", requires=["acme-x; extra == 'x'"], extras={"x"}) == path
    assert put_stub(tmp_path, "acme-lib", "1.0") != path
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == [f"acme_lib-1.0.dist-info/{name}" for name in ("METADATA", "RECORD", "WHEEL")]
        assert "Requires-Dist: acme-x; extra == 'x'" in archive.read("acme_lib-1.0.dist-info/METADATA").decode()
    assert is_stub(path.as_uri(), tmp_path)
    assert not is_stub("https://plugins.example.com/acme_lib-1.0-py3-none-any.whl", tmp_path)
    assert not list(tmp_path.rglob("*.part"))


RELEASE = Release(project="acme-chat", origin="https://plugins.example.com", what="1.0 here")


def test_the_first_accepted_bytes_stay_the_only_ones(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path, boot="b")
    layout.make()
    pins = Pins(layout)
    pins.check(RELEASE, "1" * 64)
    pins.accept(RELEASE, "1" * 64)
    pins.accept(RELEASE, "1" * 64)
    for verb in (pins.check, pins.accept):
        with pytest.raises(ReleaseChanged, match=r"acme-chat 1\.0 of https://plugins\.example\.com had sha256 1111"):
            verb(RELEASE, "2" * 64)

    (path,) = (tmp_path / "pins/acme-chat").iterdir()
    assert json.loads(path.read_bytes())["sha256"] == "1" * 64
    path.write_text("")
    pins.accept(RELEASE, "2" * 64)
    pins.forget("acme-chat")
    pins.accept(RELEASE, "3" * 64)
    assert not list((tmp_path / "staging").iterdir())


def test_of_many_who_accept_at_once_one_decides(tmp_path: Path) -> None:
    layout = Layout(root=tmp_path, boot="b")
    layout.make()
    accepted, together = list[str](), threading.Barrier(8)

    def accept(sha256: str) -> None:
        together.wait(DEADLINE)
        try:
            Pins(layout).accept(RELEASE, sha256)
            accepted.append(sha256)
        except ReleaseChanged:
            pass

    everyone = [threading.Thread(target=accept, args=(str(number) * 64,)) for number in range(8)]
    for one in everyone:
        one.start()
    for one in everyone:
        one.join()
    assert len(accepted) == 1


def test_unpacking_writes_files_and_keeps_what_is_executable(tmp_path: Path) -> None:
    built = plugin(files={"acme_bin/deep/tool.sh": "#!/bin/sh"})
    facts = unpack(built.write(tmp_path / "wheels"), built.filename, _made(tmp_path / "site"))
    assert facts.name.project == "acme-chat"
    assert (tmp_path / "site/acme_bin/deep/tool.sh").read_text() == "#!/bin/sh"
    assert not os.access(tmp_path / "site/acme_chat.py", os.X_OK)


async def test_one_at_a_time_has_its_turn_and_no_file_stays(tmp_path: Path) -> None:
    threads, inside, most = Threads(2), 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with turn(tmp_path / "turn", threads):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert most == 1
    assert not list(tmp_path.iterdir())
    await threads.close()


async def test_who_is_cancelled_while_waiting_leaves_the_turn_to_the_others(tmp_path: Path) -> None:
    threads = Threads(2)
    async with turn(tmp_path / "turn", threads):
        waiting = asyncio.create_task(_take(tmp_path / "turn", threads))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
    async with asyncio.timeout(DEADLINE):
        await _take(tmp_path / "turn", threads)
    assert not list(tmp_path.iterdir())
    await threads.close()


async def test_work_that_was_begun_is_finished_though_its_caller_has_gone() -> None:
    threads, begin, done = Threads(1), threading.Event(), threading.Event()

    def work() -> None:
        begin.wait(DEADLINE)
        done.set()
        raise ValueError("heard by nobody")

    callers = [asyncio.create_task(threads.run(work)) for _ in range(2)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    await asyncio.wait(callers)
    begin.set()
    await threads.close()
    assert done.is_set()


async def test_a_child_that_overruns_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError):
        await run(["sleep", "600"], folder=tmp_path, env=dict(os.environ), deadline=0.2)


SLEEPS = ["sh", "-c", "sleep 600 & echo $$ $! > pids; wait"]


async def test_a_cancelled_asker_ends_the_child_and_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pids")
    asker = asyncio.create_task(run(SLEEPS, folder=tmp_path, env=dict(os.environ), deadline=600))
    pids = (await asyncio.to_thread((tmp_path / "pids").read_text)).split()

    await _cancelled(asker, pids)


async def test_also_one_who_is_cancelled_while_the_child_starts(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pids")
    asker = asyncio.create_task(run(SLEEPS, folder=tmp_path, env=dict(os.environ), deadline=600))
    for _ in range(3):
        await asyncio.sleep(0)  # its task begins, and then that of the start, which forks
    pids = (tmp_path / "pids").read_text().split()  # the loop stands still meanwhile, and the start has not ended

    await _cancelled(asker, pids)


async def _cancelled(asker: asyncio.Task[Any], pids: Iterable[str]) -> None:
    asker.cancel()
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(asyncio.CancelledError):
            await asker
        await asyncio.gather(*(_end_of(int(pid)) for pid in pids))


def test_a_child_gets_where_to_ask_and_not_what_to_choose() -> None:
    given = {
        "PATH": "/bin",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "UV_INDEX": "a",
        "UV_INDEX_ACME_PASSWORD": "b",
        "UV_EXCLUDE_NEWER": "2026-01-01",
        "PIP_INDEX_URL": "c",
        "UV_NO_DEPS": "1",
        "UV_OVERRIDE": "x",
        "UV_RESOLUTION": "lowest",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_A_SETTING_TO_COME": "1",
        "COLUMNS": "80",
        "PIP_NO_DEPS": "1",
        "PIP_CONSTRAINT": "x",
        "PIP_TARGET": "x",
        "PYTHONPATH": "x",
    }
    kept = {"PATH", "HTTPS_PROXY", "UV_INDEX", "UV_INDEX_ACME_PASSWORD", "UV_EXCLUDE_NEWER", "PIP_INDEX_URL"}
    assert environment(given, PIP_NO_DEPS="false") == {name: given[name] for name in kept} | {"PIP_NO_DEPS": "false"}


QUESTION = Question(release="chat 1.0", project="acme-chat", version="1.0", requires=(), shared=tuple(shared(anyio="4.9.0").values()))
SAID = {
    "a conflict": (
        "error: No solution found when resolving dependencies\n  cause: Because a and b.",
        ResolutionFailed,
        "says: Because a and b.",
    ),
    "with a shared one": ("  cause: Because c depends on anyio<4 and anyio==4.9.0, no.", SharedConflict, "anyio 4.9.0 is shared"),
    "with a longer version": ("  cause: Because c depends on anyio==4.9.0.1, no.", ResolutionFailed, "anyio==4.9.0.1"),
    "with a longer name": ("  cause: Because c depends on acme-anyio==4.9.0, no.", ResolutionFailed, "acme-anyio"),
    "advice we forbid": ("  cause: Because a.\n\nhint: use `--index-strategy unsafe-best-match`\n", ResolutionFailed, "says: Because a."),
    "a server's fault": (
        "error: Request failed\n  cause: Failed to fetch: http://u:p@127.0.0.1/x/\n  cause: HTTP status server error (503)\n",
        SourceUnreachable,
        "http://127.0.0.1/x/ did not answer: HTTP status server error (503)",
    ),
    "a connection that broke, and nothing was found": (
        "WARNING: Retrying after connection broken by 'Refused(\"h='a'\")': /simple/x/\nERROR: No matching distribution found for x",
        SourceUnreachable,
        "/simple/x/ did not answer: Refused",
    ),
    "a connection that broke, and a conflict": (
        "WARNING: Retrying after connection broken by 'Refused()': /simple/x/\nERROR: Cannot install a and b.",
        ResolutionFailed,
        "says: Cannot install a and b.",
    ),
    "an address": ("Consider adding `evil @ https://127.0.0.1/evil.zip` to your", DirectUrl, "evil @ https://127.0.0.1/evil.zip"),
    "nothing": ("", ResolutionFailed, "says: nothing"),
}


@pytest.mark.parametrize("what", SAID)
def test_what_a_resolver_says_becomes_one_of_our_errors(what: str) -> None:
    output, kind, expected = SAID[what]
    error = said.refusal(QUESTION, output)
    assert type(error) is kind
    assert expected in str(error)


@pytest.mark.parametrize("kind", ["uv", "pip"])
async def test_the_loop_is_never_blocked(net: Net, open_store: OpenStore, kind: str) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built)
    net.registry.publish(lib("acme-lib"))
    store = await open_store(resolver=kind)
    with blockbuster_ctx("plughost.store") as watch:
        watch.functions["os.unlink"].can_block_in("plughost/net/fetch.py", "discard")
        await site_of(store, target(net.plugins, built))
        await site_of(store, target(net.plugins, built))
        await store.prune()


async def _take(path: Path, threads: Threads) -> None:
    async with turn(path, threads):
        pass


async def _end_of(pid: int) -> None:
    """Return when the process has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
