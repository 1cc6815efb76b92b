"""Plugin code that fails in every way it can: the release is refused with the reason, the one before it serves on."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from plughost.testing import RunningHost, wheel
from tests.story.house import HostFactory, Index, hello
from tests.story.process import child, put
from tests.story.refusals import one_serves, one_still_serves, refusal, refused_operation, refused_upgrade

LIFESPAN = """
@plugin.lifespan
async def lifespan(context):
    {up}
    yield
"""
PROBE = """
@plugin.probe
async def probe():
    {ask}
"""
HANGING = """
import pathlib, time
while not pathlib.Path({marker!r}).exists():
    time.sleep(0.01)
"""
HELPER = """
def deeper():
    raise LookupError("no such thing in acme_helper")
"""
EXITING = """
import asyncio, sys
from fastapi import BackgroundTasks, WebSocket

kept = set()

async def leave():
    sys.exit(3)

@router.get("/task")
async def task():
    leaving = asyncio.create_task(leave())
    kept.add(leaving)
    leaving.add_done_callback(lambda task: (kept.discard(task), task.exception()))
    await asyncio.sleep(0)
    return "made"

@router.get("/background")
async def background(tasks: BackgroundTasks):
    tasks.add_task(leave)
    return "made"

@router.get("/now")
async def now():
    sys.exit(3)

@router.get("/thread")
def thread():
    sys.exit(3)

@router.websocket("/socket")
async def socket(socket: WebSocket):
    await socket.accept()
    sys.exit(3)

@plugin.slot("exits")
def exits():
    sys.exit(3)
"""


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("nowhere:plugin", "nowhere"),
        ("hello_plugin:nothing", "nothing"),
        ("hello_plugin.deeper:plugin", "hello_plugin.deeper"),
    ],
)
async def test_an_entry_that_is_not_there(host: RunningHost, index: Index, entry: str, says: str) -> None:
    await one_serves(host, index)
    two = hello("2.0")
    index.publish(two)
    body = {"name": "hello", "url": f"{index.url}{index.path(two)}", "integrity": two.integrity, "exposedModule": entry}
    words = (f"entry point {entry!r}", says, "give exposedModule as 'package.module:object'")
    problem = await refused_operation(host, "POST", "/api/plugins", body, is_="422 entry-missing", says=words)
    assert problem["entry"] == entry
    await one_still_serves(host)


async def test_an_entry_that_is_not_written_as_one(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    two = hello("2.0")
    body = {"name": "hello", "url": f"{index.url}{index.path(two)}", "integrity": two.integrity, "exposedModule": "hello plugin!"}
    await refusal(host, "POST", "/api/plugins", body, is_="422 request-invalid", says=("'hello plugin!'", "package.module:object"))
    await one_still_serves(host)


async def test_a_wheel_that_declares_no_entry(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    bare = wheel("acme-hello", "2.0", {"hello_plugin.py": "plugin = {'routes': []}"})
    await refused_upgrade(host, index, bare, is_="422 entry-missing", says=("'plughost.plugins'", "give exposedModule"))


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("plugin = 7", "int"),
        ("plugin = None", "None"),
        ("plugin = {'rotes': []}", "rotes"),
        ("def plugin(one, two): ...", "plugin"),
        ("async def plugin(): return 'text'", "str"),
        ("def plugin(): return plugin", "function"),
    ],
)
async def test_an_entry_of_a_wrong_kind(host: RunningHost, index: Index, source: str, found: str) -> None:
    wrong = hello("2.0", extra=f"\n{source}\n")
    words = ("entry point 'hello_plugin:plugin' is", found, "accepted are plughost.sdk.Plugin")
    await refused_upgrade(host, index, wrong, is_="422 entry-invalid", says=words)


async def test_an_import_that_raises_shows_the_plugins_traceback_in_natural_names(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    raising = wheel(
        "acme-hello",
        "2.0",
        {"hello_plugin/__init__.py": "from hello_plugin import inner", "hello_plugin/inner.py": "from acme_helper import deeper\ndeeper()"}
        | {"acme_helper.py": HELPER},
        plugins={"hello": "hello_plugin:plugin"},
    )
    words = ("importing 'hello_plugin:plugin' raised LookupError", "no such thing in acme_helper", "look at the traceback")
    problem = await refused_upgrade(host, index, raising, is_="424 import-failed", says=words)

    frames = [line.strip() for line in problem["traceback"].splitlines() if line.strip().startswith("File ")]
    assert [frame.rpartition(" in ")[2] for frame in frames] == ["<module>", "<module>", "deeper"]
    assert all(name in frame for name, frame in zip(("__init__.py", "inner.py", "acme_helper.py"), frames, strict=True))
    operation = (await host.ask("GET", f"/api/operations/{problem['operation']}")).json()
    assert operation["error"]["traceback"] == problem["traceback"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def broken(:", "SyntaxError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class Own(BaseException): ...\nraise Own('odd')", "Own: odd"),
        ("def plugin(context): raise RuntimeError('in the factory')", "RuntimeError: in the factory"),
        ("async def plugin(): raise RuntimeError('in the factory')", "RuntimeError: in the factory"),
    ],
)
async def test_an_import_that_raises_whatever_it_is(host: RunningHost, index: Index, source: str, reason: str) -> None:
    raising = hello("2.0", extra=f"\n{source}\n")
    await refused_upgrade(host, index, raising, is_="424 import-failed", says=(reason,))


async def test_an_import_that_hangs(start: HostFactory, index: Index, tmp_path: Path) -> None:
    marker = tmp_path / "go on"
    async with start(import_deadline=2.0) as host:
        hanging = hello("2.0", extra=HANGING.format(marker=str(marker)))
        words = ("importing 'hello_plugin:plugin' took longer than 2 s", "raise import_deadline")
        try:
            await refused_upgrade(host, index, hanging, is_="504 import-timeout", says=words)
            await host.operate("POST", "/api/plugins/hello/reload")  # nobody waits for it
            await one_still_serves(host)
        finally:
            marker.touch()


async def test_an_import_that_hangs_does_not_keep_the_process(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0"), hello("1.0", name="hanging", extra=HANGING.format(marker=str(tmp_path / "never"))))
    async with child(tmp_path) as host:
        await host.says("/hello/", "1.0")
        await host.status("hanging", "starting")
        assert await host.stop() == 0


async def test_an_import_that_hung_does_not_keep_the_process(tmp_path: Path) -> None:
    put(tmp_path, hello("1.0", name="hanging", extra=HANGING.format(marker=str(tmp_path / "never"))))
    async with child(tmp_path, "--import-deadline", "0.5") as host:
        plugin = await host.status("hanging", "failed")
        assert plugin["error"]["code"] == "import-timeout"  # type: ignore[index]
        assert await host.stop() == 0


@pytest.mark.parametrize("source", ["import sys; sys.exit('bye')", "def plugin(): raise SystemExit('bye')"])
async def test_an_import_that_exits(host: RunningHost, index: Index, source: str) -> None:
    words = ("called sys.exit('bye')", "must not end its process")
    await refused_upgrade(host, index, hello("2.0", extra=f"\n{source}\n"), is_="424 import-exited", says=words)


async def test_a_start_that_raises(host: RunningHost, index: Index) -> None:
    raising = hello("2.0", extra=LIFESPAN.format(up="raise ConnectionError('no database')"))
    words = ("starting hello raised ConnectionError: no database", "lifespan has to come up")
    problem = await refused_upgrade(host, index, raising, is_="424 start-failed", says=words)
    assert "in lifespan" in problem["traceback"]


async def test_a_start_that_exits(host: RunningHost, index: Index) -> None:
    exiting = hello("2.0", extra=LIFESPAN.format(up="raise SystemExit(1)"))
    words = ("hello called sys.exit() in its start", "must not end its process")
    await refused_upgrade(host, index, exiting, is_="424 plugin-exited", says=words)


async def test_a_start_that_hangs(start: HostFactory, index: Index) -> None:
    async with start(start_deadline=2.0) as host:
        hanging = hello("2.0", extra=LIFESPAN.format(up="import asyncio; await asyncio.sleep(3600)"))
        words = ("hello was not up after 2 s", "raise start_deadline")
        await refused_upgrade(host, index, hanging, is_="504 start-timeout", says=words)


async def test_a_probe_that_fails(host: RunningHost, index: Index) -> None:
    failing = hello("2.0", extra=PROBE.format(ask="raise ValueError('not well')"))
    words = ("the probe of hello raised ValueError: not well", "does not serve until its probe passes")
    problem = await refused_upgrade(host, index, failing, is_="424 probe-failed", says=words)
    assert "in probe" in problem["traceback"]


async def test_a_probe_that_exits(host: RunningHost, index: Index) -> None:
    exiting = hello("2.0", extra=PROBE.format(ask="raise SystemExit(1)"))
    await refused_upgrade(host, index, exiting, is_="424 probe-failed", says=("the probe of hello raised SystemExit: 1",))


async def test_a_probe_that_hangs(start: HostFactory, index: Index) -> None:
    async with start(probe_deadline=2.0) as host:
        hanging = hello("2.0", extra=PROBE.format(ask="import asyncio; await asyncio.sleep(3600)"))
        words = ("the probe of hello took longer than 2 s", "raise probe_deadline")
        await refused_upgrade(host, index, hanging, is_="504 probe-timeout", says=words)


async def test_a_plugin_that_exits_while_it_serves_does_not_end_the_host(
    host: RunningHost, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    await index.list(hello("1.0", extra=EXITING))
    await host.until_serving("hello")

    async def says(words: str, error: type[BaseException] | None = None) -> None:
        def told(record: logging.LogRecord) -> bool:
            kind = record.exc_info[0] if record.exc_info else None
            return record.levelno == logging.ERROR and (record.getMessage(), getattr(record, "plugin", ""), kind) == (words, "hello", error)

        async def so() -> bool:
            return any(map(told, caplog.records))

        await host.until(so, f"the log says {words!r}")
        caplog.clear()

    assert (await host.get("/hello/task")).json() == "made"
    await says("a task called sys.exit()")
    assert (await host.get("/hello/background")).json() == "made"
    await says("a request failed", SystemExit)
    for path in ("/hello/now", "/hello/thread"):
        answer = await host.get(path)
        assert (answer.status_code, answer.json()["code"]) == (500, "plugin-error")
        await says("a request failed", SystemExit)
    async with connect(host.url.replace("http", "ws") + "/hello/socket") as socket:
        with pytest.raises(ConnectionClosed):
            await socket.recv()
    await says("a request failed", SystemExit)
    rendered = (await host.get("/slots/exits")).json()
    assert [error["code"] for error in rendered["errors"]] == ["plugin-error"]
    await one_still_serves(host)


async def test_what_failed_answers_503_while_it_is_wanted_and_404_when_it_is_not(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", extra="raise RuntimeError('not today')"))
    await host.until_status("hello", "failed")
    answer = await host.get("/hello/")
    assert (answer.status_code, answer.json()["code"]) == (503, "plugin-failed")
    assert int(answer.headers["retry-after"]) >= 1

    await host.operate("POST", "/api/plugins/hello/disable")
    answer = await host.get("/hello/")
    assert (answer.status_code, answer.json()["code"]) == (404, "path-unknown")

    await refused_operation(host, "POST", "/api/plugins/hello/enable", is_="424 import-failed", says=("not today",))
    assert (await host.get("/hello/")).status_code == 404  # the disable that was there before stands again


async def test_a_first_install_that_fails_leaves_nothing(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    bad = hello("1.0", name="other", extra="raise RuntimeError('not today')")
    index.publish(bad)
    body: dict[str, Any] = {"name": "other", "url": f"{index.url}{index.path(bad)}", "integrity": bad.integrity}
    await refused_operation(host, "POST", "/api/plugins", body, is_="424 import-failed", says=("not today",))
    assert await host.plugin("other") is None
    assert (await host.get("/other/")).status_code == 404
    await one_still_serves(host)


async def test_a_bad_release_in_the_list_is_refused_once_and_the_next_good_one_is_taken(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    await index.list(hello("2.0", extra="raise RuntimeError('not today')"))

    async def refused() -> bool:
        return "error" in (await host.plugin("hello") or {})

    await host.until(refused, "2.0 is refused")
    await one_still_serves(host)
    for _ in range(3):
        await host.operate("POST", "/api/sources/refresh")
    operations = (await host.ask("GET", "/api/operations?plugin=hello&state=failed")).json()["operations"]
    assert [operation["error"]["code"] for operation in operations] == ["import-failed"]
    assert operations[0]["by"] == f"list:{index.url}"

    await index.list(hello("2.1"))
    await host.until_serving("hello", "2.1")
    assert "error" not in (await host.plugin("hello") or {})
