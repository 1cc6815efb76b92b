"""Every mutation is an operation: asked for, joined, waited for, looked up."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import httpx
import pytest

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello

Json = dict[str, Any]
INSTALL = {"name": "hello", "project": "acme-hello"}


def held(index: Index) -> asyncio.Event:
    """From now on files wait until this is set."""
    index.hold = asyncio.Event()
    return index.hold


async def asked_for(host: RunningHost, index: Index, filename: str) -> None:
    async def so() -> bool:
        return index.asked[filename] > 0

    await host.until(so, f"{filename} is asked for")


async def begun(host: RunningHost, method: str, path: str, json: object = None) -> Json:
    """An operation that was asked for without waiting."""
    answer = await host.ask(method, path, json, wait=0)
    assert answer.status_code == 202, answer.text
    operation: Json = answer.json()
    return operation


async def ended(host: RunningHost, operation: Json) -> Json:
    answer = await host.ask("GET", f"/api/operations/{operation['id']}?wait=60")
    shape: Json = answer.json()
    assert shape["state"] != "running", shape
    return shape


async def operations(host: RunningHost, query: str = "") -> list[Json]:
    rows: list[Json] = (await host.ask("GET", f"/api/operations{query}")).json()["operations"]
    return rows


async def test_without_waiting_the_answer_says_where_to_look(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    hold = held(index)
    answer = await host.ask("POST", "/api/plugins", INSTALL, wait=0)

    assert answer.status_code == 202
    operation = answer.json()
    assert answer.headers["location"] == f"/api/operations/{operation['id']}"
    assert (operation["verb"], operation["plugin"], operation["by"], operation["state"]) == ("install", "hello", "admin", "running")
    assert operation["ended"] is None
    hold.set()
    assert (await ended(host, operation))["state"] == "succeeded"


@pytest.mark.parametrize("how", ["header", "query", "with other preferences"])
async def test_who_waits_gets_the_end(host: RunningHost, index: Index, how: str) -> None:
    index.publish(hello("1.0"))
    path = "/api/plugins?wait=60" if how == "query" else "/api/plugins"
    prefer = {"header": "wait=60", "query": "", "with other preferences": "respond-async, wait=60"}[how]
    headers = {"Authorization": "Bearer the-admin-token-of-a-test", "Prefer": prefer}
    answer = await host.http.post(path, json=INSTALL, headers=headers)

    operation = answer.json()
    assert (answer.status_code, operation["state"], operation["version"]) == (200, "succeeded", "1.0")
    assert answer.headers["location"] == f"/api/operations/{operation['id']}"
    assert operation == (await host.ask("GET", answer.headers["location"])).json()


async def test_what_still_runs_after_the_wait_is_accepted(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    hold = held(index)
    answer = await host.ask("POST", "/api/plugins", INSTALL, wait=0.1)
    assert (answer.status_code, answer.json()["state"]) == (202, "running")
    looked = await host.ask("GET", f"{answer.headers['location']}?wait=0.1")
    assert (looked.status_code, looked.json()["state"]) == (200, "running")

    waiting = asyncio.create_task(host.ask("GET", f"{answer.headers['location']}?wait=60"))
    hold.set()
    assert (await waiting).json()["state"] == "succeeded"


async def test_who_waits_for_a_failure_gets_its_problem(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0", extra="raise RuntimeError('not today')"))
    answer = await host.ask("POST", "/api/plugins", INSTALL)

    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["plugin"]) == (424, "import-failed", "hello")
    assert answer.headers["content-type"] == "application/problem+json"
    operation = (await host.ask("GET", f"/api/operations/{problem['operation']}")).json()
    assert (operation["state"], operation["error"]["code"]) == ("failed", "import-failed")
    assert "not today" in operation["error"]["traceback"]


async def test_an_operation_tells_its_phases_with_times_and_bytes(host: RunningHost, index: Index) -> None:
    wheel = hello("1.0")
    index.publish(wheel)
    operation = await host.install("hello", project="acme-hello")

    names = [phase["name"] for phase in operation["phases"]]
    assert names[0] == "waiting"
    assert [name for name in names if name in {"fetch", "verify", "import", "start", "probe", "mount"}] == [
        "fetch",
        "verify",
        "import",
        "start",
        "probe",
        "mount",
    ]
    assert all(phase["seconds"] >= 0 and phase["started"] for phase in operation["phases"])
    fetch = next(phase for phase in operation["phases"] if phase["name"] == "fetch")
    assert fetch["bytes"] == fetch["total"] == len(wheel.data)
    assert operation["phase"] == names[-1]
    assert operation["started"] <= operation["ended"]


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan", "inf", ""])
async def test_a_wrong_wait_is_refused(host: RunningHost, wait: str) -> None:
    for method, path in [("GET", "/api/operations/none"), ("POST", "/api/plugins/none/disable")]:
        problem = await host.refused(method, f"{path}?wait={wait}")
        assert problem["code"] == "request-invalid"
        assert "wait" in problem["detail"]


async def test_operations_are_listed_newest_first_in_pages(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"), hello("1.0", name="other"))
    await host.install("hello", project="acme-hello")
    await host.install("other", project="acme-other")
    for verb in ("disable", "enable", "reload"):
        await host.operate("POST", f"/api/plugins/hello/{verb}")
    await host.refused("POST", "/api/plugins/hello/upgrade", {"version": "9"})

    rows = await operations(host)
    assert [(row["verb"], row["plugin"]) for row in rows] == [
        ("upgrade", "hello"),
        ("reload", "hello"),
        ("enable", "hello"),
        ("disable", "hello"),
        ("install", "other"),
        ("install", "hello"),
    ]
    assert await operations(host, "?plugin=other") == [rows[4]]
    assert await operations(host, "?state=failed") == [rows[0]]
    assert await operations(host, "?state=running") == []
    first = (await host.ask("GET", "/api/operations?limit=4")).json()
    assert first["operations"] == rows[:4]
    second = (await host.ask("GET", f"/api/operations?limit=4&next={first['next']}")).json()
    assert second == {"operations": rows[4:]}


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=many", "state=lost"])
async def test_a_list_of_operations_that_cannot_be(host: RunningHost, query: str) -> None:
    problem = await host.refused("GET", f"/api/operations?{query}")
    assert (problem["status"], problem["code"]) == (422, "request-invalid")


async def test_equal_requests_join(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    hold = held(index)
    first = await begun(host, "POST", "/api/plugins", INSTALL)
    second = await begun(host, "POST", "/api/plugins", {**INSTALL, "reason": "me too"})
    other = await begun(host, "POST", "/api/plugins", {**INSTALL, "mount": "elsewhere"})

    assert first["id"] == second["id"] != other["id"]
    hold.set()
    assert (await ended(host, first))["state"] == "succeeded"
    assert (await ended(host, other))["state"] == "succeeded"
    assert (await host.get("/elsewhere/")).json() == "1.0"
    assert (await host.get("/hello/")).status_code == 404


async def test_different_requests_are_carried_out_in_order(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"), hello("1.1"))
    hold = held(index)
    begins = [
        await begun(host, "POST", "/api/plugins", {**INSTALL, "version": "1.0"}),
        await begun(host, "POST", "/api/plugins", {**INSTALL, "version": "1.1"}),
        await begun(host, "POST", "/api/plugins", {**INSTALL, "version": "1.0", "mount": "first"}),
    ]
    assert [phase["name"] for phase in begins[2]["phases"]] == ["waiting"]
    hold.set()
    ends = [await ended(host, operation) for operation in begins]

    assert [operation["state"] for operation in ends] == ["succeeded"] * 3
    assert [operation["version"] for operation in ends] == ["1.0", "1.1", "1.0"]
    assert ends[0]["ended"] <= ends[1]["ended"] <= ends[2]["ended"]
    assert (await host.get("/first/")).json() == "1.0"


async def test_what_is_asked_last_holds_though_the_same_was_asked_before(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"), hello("1.1"))
    hold = held(index)
    begins = [await begun(host, "POST", "/api/plugins", {**INSTALL, "version": version}) for version in ("1.0", "1.1", "1.0")]
    assert len({operation["id"] for operation in begins}) == 3
    hold.set()

    assert [(await ended(host, operation))["state"] for operation in begins] == ["succeeded"] * 3
    assert (await host.get("/hello/")).json() == "1.0"


async def test_a_disable_overtakes_an_install_that_hangs(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    held(index)
    install = await begun(host, "POST", "/api/plugins", INSTALL)
    await asked_for(host, index, hello("1.0").filename)

    disabled = await host.operate("POST", "/api/plugins/hello/disable", {"reason": "an incident"})

    assert disabled["state"] == "succeeded"
    superseded = await ended(host, install)
    assert (superseded["state"], superseded["error"]["code"]) == ("failed", "superseded")
    assert "disable by admin" in superseded["error"]["detail"]
    assert (await host.plugin("hello") or {})["status"] == "disabled"


async def test_list_changes_collapse_to_the_newest(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    hold = held(index)
    await index.list(hello("1.1"))
    await asked_for(host, index, hello("1.1").filename)
    for version in ("1.2", "1.3", "1.4"):
        await index.list(hello(version))
    await asked_for(host, index, hello("1.4").filename)
    hold.set()
    await host.until_serving("hello", "1.4")

    served = (await host.ask("GET", "/api/plugins/hello/explain")).json()["history"]
    assert [release["version"] for release in served] == ["1.4", "1.0"]
    rows = await operations(host, "?plugin=hello")
    assert all(row["by"] == f"list:{index.url}" for row in rows)
    assert (rows[0]["verb"], rows[0]["version"], rows[0]["state"]) == ("upgrade", "1.4", "succeeded")
    assert {row["error"]["code"] for row in rows if row["state"] == "failed"} == {"superseded"}


async def test_ten_downloads_go_on_side_by_side(host: RunningHost, index: Index) -> None:
    names = [f"slow-{number}" for number in range(10)]
    index.publish(*(hello("1.0", name=name) for name in names))
    hold = held(index)
    begins = [await begun(host, "POST", "/api/plugins", {"name": name, "project": f"acme-{name}"}) for name in names]
    for name in names:
        await asked_for(host, index, hello("1.0", name=name).filename)
    assert {row["state"] for row in await operations(host)} == {"running"}
    hold.set()

    assert [(await ended(host, operation))["state"] for operation in begins] == ["succeeded"] * 10


MEETING = """
import pathlib, time
here = pathlib.Path({folder!r})
(here / "{name}").touch()
while len(list(here.iterdir())) < {count}:
    time.sleep(0.01)
"""


async def test_ten_imports_go_on_side_by_side(host: RunningHost, index: Index, tmp_path: Any) -> None:
    folder = tmp_path / "meeting"
    folder.mkdir()
    names = [f"slow-{number}" for number in range(10)]  # each import ends only when all ten have begun
    wheels = [hello("1.0", name=name, extra=MEETING.format(folder=str(folder), name=name, count=len(names))) for name in names]
    index.publish(*wheels)
    answers = await asyncio.gather(*(host.install(name, project=f"acme-{name}") for name in names))
    assert {answer["state"] for answer in answers} == {"succeeded"}


async def test_a_caller_that_goes_away_cancels_nothing(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    hold = held(index)
    asking = asyncio.create_task(host.ask("POST", "/api/plugins", INSTALL))
    await asked_for(host, index, hello("1.0").filename)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking
    hold.set()

    await host.until_serving("hello", "1.0")
    assert [row["state"] for row in await operations(host)] == ["succeeded"]


async def test_a_failure_is_not_remembered(host: RunningHost, index: Index) -> None:
    problem = await host.refused("POST", "/api/plugins", INSTALL)
    assert problem["code"] == "project-unknown"
    index.publish(hello("1.0"))
    assert (await host.install(**INSTALL))["version"] == "1.0"


async def test_the_same_install_again_changes_nothing(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    await host.install("hello", project="acme-hello", version="1.0")
    before = await host.plugin("hello")
    asked = dict(index.asked)
    again = await host.install("hello", project="acme-hello", version="1.0")

    assert again["state"] == "succeeded"
    after = await host.plugin("hello")
    assert before
    assert after
    assert after["serving"] == before["serving"]
    assert after["generations"] == before["generations"]
    assert index.asked[hello("1.0").filename] == asked[hello("1.0").filename] == 1


CONFIGURED = """
from plughost.sdk import PluginContext

@router.get("/config")
async def config(request: Request):
    return dict(request.state.context.config)
"""


async def test_an_install_takes_a_mount_and_a_config(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0", extra=CONFIGURED))
    await host.install("hello", project="acme-hello", mount="greeter", config={"colour": "red", "api_token": "hush"})

    assert (await host.get("/greeter/config")).json() == {"colour": "red", "api_token": "hush"}
    plugin = await host.plugin("hello")
    assert plugin
    assert plugin["mount"] == "greeter"
    assert plugin["config"] == {"colour": "red", "api_token": "********"}


async def test_a_change_of_mount_moves_it_and_keeps_the_rest(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0", extra=CONFIGURED))
    await host.install("hello", project="acme-hello", mount="one", config={"colour": "red"})
    await host.install("hello", mount="two")

    assert (await host.get("/two/config")).json() == {"colour": "red"}
    assert (await host.get("/one/")).status_code == 404


async def test_what_is_installed_without_being_enabled_is_obtained_and_starts_without_network(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    operation = await host.install("hello", project="acme-hello", enable=False)
    assert operation["state"] == "succeeded"
    plugin = await host.plugin("hello")
    assert plugin
    assert (plugin["status"], plugin["serving"], plugin["generations"]) == ("disabled", None, [])
    assert index.asked[hello("1.0").filename] == 1
    index.files.clear()
    index.status = 500

    await host.operate("POST", "/api/plugins/hello/enable")
    assert (await host.get("/hello/")).json() == "1.0"


async def test_a_stopping_host_takes_nothing_new(start: HostFactory, index: Index) -> None:
    index.publish(hello("1.0"))
    async with start() as host:
        await host.install("hello", project="acme-hello")
        host.host.stop_accepting()
        for method, path in [("POST", "/api/plugins/hello/disable"), ("GET", "/api/plugins"), ("GET", "/hello/")]:
            problem = await host.refused(method, path)
            assert (problem["status"], problem["code"]) == (503, "host-stopping")
        assert (await host.get("/healthz")).status_code == 200
        assert (await host.get("/readyz")).json()["status"] == "stopping"


async def test_an_operation_that_waits_when_the_host_stops_ends_so(start: HostFactory, index: Index) -> None:
    index.publish(hello("1.0"))
    async with start() as host:
        held(index)
        running = await begun(host, "POST", "/api/plugins", INSTALL)
        await asked_for(host, index, hello("1.0").filename)
        waiting = await begun(host, "POST", "/api/plugins", {**INSTALL, "mount": "elsewhere"})
    index.hold = None
    async with start() as host:
        assert (await ended(host, waiting))["error"]["code"] == "host-stopping"
        assert (await ended(host, running))["state"] == "failed"


async def test_an_unknown_operation(host: RunningHost) -> None:
    problem = await host.refused("GET", "/api/operations/nothing?wait=1")
    assert (problem["status"], problem["code"]) == (httpx.codes.NOT_FOUND, "operation-unknown")
