"""A wheel is listed, served, upgraded, rolled back, removed; all without a restart."""

from __future__ import annotations

import asyncio

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello


async def test_what_the_list_names_is_served_with_routes_and_slots(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello", "1.0")

    assert (await host.get("/hello/")).json() == "1.0"
    fragments = await host.get("/slots/greetings?user=<ada>", Accept="text/html")
    assert fragments.text == "<b>1.0 &lt;ada&gt;</b>"


async def test_a_new_version_in_the_list_is_an_upgrade_and_no_request_is_lost(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    stop, answers = asyncio.Event(), []

    async def load() -> None:
        while not stop.is_set():
            answer = await host.get("/hello/")
            answers.append((answer.status_code, answer.json()))

    workers = [asyncio.create_task(load()) for _ in range(4)]
    await index.list(hello("1.1"))
    await host.until_serving("hello", "1.1")
    stop.set()
    await asyncio.gather(*workers)

    assert {status for status, _ in answers} == {200}
    assert (await host.get("/hello/")).json() == "1.1"


async def test_what_leaves_the_list_is_disabled(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    await index.list()
    await host.until_status("hello", "absent")

    assert (await host.get("/hello/")).status_code == 404
    assert (await host.get("/slots/greetings")).json()["items"] == []


async def test_a_rollback_needs_neither_index_nor_network(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello", "1.0")
    await index.list(hello("1.1"))
    await host.until_serving("hello", "1.1")
    index.files.clear()
    index.status = 500

    operation = await host.operate("POST", "/api/plugins/hello/rollback")
    assert operation["state"] == "succeeded"
    assert (await host.get("/hello/")).json() == "1.0"
    again = await host.operate("POST", "/api/plugins/hello/rollback")
    assert again["version"] == "1.1"
    assert (await host.get("/hello/")).json() == "1.1"


async def test_a_failed_upgrade_leaves_the_old_release_serving(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    index.publish(hello("2.0", extra="raise RuntimeError('not today')"))

    problem = await host.refused("POST", "/api/plugins/hello/upgrade", {"version": "2.0"})

    assert problem["code"] == "import-failed"
    assert "not today" in problem["traceback"]
    assert "_scope_" not in str(problem)
    assert (await host.get("/hello/")).json() == "1.0"
    plugin = await host.plugin("hello")
    assert plugin is not None
    assert plugin["intent"]["source"] == index.url  # the failed upgrade is no override


async def test_an_operator_wins_over_the_list_until_the_override_is_let_go(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    await host.operate("POST", "/api/plugins/hello/disable", {"reason": "an incident"})
    await index.list(hello("1.1"))
    assert (await host.ask("POST", "/api/sources/refresh")).status_code == 200

    await host.until_status("hello", "disabled")
    assert (await host.get("/hello/")).status_code == 404
    await host.operate("DELETE", "/api/plugins/hello/override")
    assert (await host.get("/hello/")).json() == "1.1"


async def test_install_by_name_takes_the_newest_and_a_version_holds_it(host: RunningHost, index: Index) -> None:
    project = {"project": "acme-hello"}
    index.publish(hello("1.0"), hello("1.2"), hello("2.0rc1"))

    operation = await host.install("hello", **project)
    assert operation["version"] == "1.2"
    held = await host.operate("POST", "/api/plugins/hello/upgrade", {"version": "1.0"})
    assert held["version"] == "1.0"
    assert (await host.get("/hello/")).json() == "1.0"
    newest = await host.operate("POST", "/api/plugins/hello/upgrade")
    assert newest["version"] == "1.2"


async def test_install_by_url_needs_no_list(host: RunningHost, index: Index) -> None:
    wheel = hello("1.0", name="direct")
    index.publish(wheel)
    await host.install("direct", url=f"{index.url}{index.path(wheel)}#sha256={wheel.sha256}", mount="elsewhere")

    assert (await host.get("/elsewhere/")).json() == "1.0"
    assert (await host.get("/direct/")).status_code == 404


async def test_uninstall_forgets_and_a_listed_one_stays_known(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    await host.operate("DELETE", "/api/plugins/hello")

    plugin = await host.plugin("hello")
    assert plugin is not None
    assert (plugin["status"], plugin["intent"]["state"]) == ("absent", "absent")
    problem = await host.refused("POST", "/api/plugins/hello/rollback")
    assert problem["code"] == "nothing-to-roll-back-to"


async def test_a_restart_with_the_index_down_serves_what_was_served(start: HostFactory, index: Index) -> None:
    async with start() as host:
        await index.list(hello("1.0"), hello("1.0", name="other"))
        await host.until_serving("hello")
        await host.until_serving("other")
        await host.operate("POST", "/api/plugins/other/disable")
    index.status = 500
    index.files.clear()

    async with start() as host:
        await host.until_serving("hello", "1.0")
        assert (await host.get("/hello/")).json() == "1.0"
        assert (await host.plugin("other") or {})["status"] == "disabled"


async def test_reload_is_a_new_generation_of_the_same_release(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    before = (await host.plugin("hello") or {})["serving"]["generation"]
    await host.operate("POST", "/api/plugins/hello/reload")
    after = (await host.plugin("hello") or {})["serving"]["generation"]
    assert after > before


async def test_a_hundred_installs_at_once_are_one_download_and_a_hundred_true_answers(host: RunningHost, index: Index) -> None:
    wheel = hello("1.0")
    index.publish(wheel)
    index.hold = asyncio.Event()
    body = {"name": "hello", "project": "acme-hello"}
    asking = [asyncio.create_task(host.ask("POST", "/api/plugins", body)) for _ in range(100)]

    async def asked() -> bool:
        return index.asked[wheel.filename] > 0

    await host.until(asked, "the wheel is asked for")
    leaving = asking.pop()
    leaving.cancel()
    index.hold.set()
    answers = await asyncio.gather(*asking)

    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["state"] for answer in answers} == {"succeeded"}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert index.asked[wheel.filename] == 1
