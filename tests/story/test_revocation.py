"""What an index revokes is stopped and refused at the next look, whatever an operator said, and comes back when it is lifted."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plughost.settings import SourceSettings
from plughost.testing import BuiltWheel, RunningHost, wheel
from tests.story.house import HostFactory, Index, hello
from tests.story.refusals import one_serves, refused_operation
from tests.story.ways import gated

Json = dict[str, Any]
USING = "\nimport acme_lib\n"
FOR_EVER = """
import asyncio

@plugin.lifespan
async def lifespan(context):
    await asyncio.Event().wait()
    yield
"""
WAITS = """
@router.get("/slow")
async def slow(request: Request):
    begun, go = request.state.context.use("gate")
    begun.set()
    await go.wait()
    return "whole"
"""
SAYS = ("hello 1.0 contains acme-hello 1.0 (sha256 ", "which is revoked: it steals cookies", "choose another release")


@pytest.fixture(autouse=True)
def _only_the_index(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine is configured for, the resolver knows the test's index alone."""
    for name in [name for name in os.environ if name.startswith(("UV_", "PIP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.url}/simple/")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


def lib() -> BuiltWheel:
    return wheel("acme-lib", "1.0", {"acme_lib.py": "version = '1.0'\n"})


async def look(host: RunningHost) -> None:
    """The sources are looked at once: what is revoked is stopped when this has ended."""
    assert (await host.ask("POST", "/api/sources/refresh")).status_code == 200


async def until_starting(host: RunningHost) -> None:
    """A generation of the plugin waits in its lifespan."""

    async def starts() -> bool:
        return any(each["phase"] == "starting" for each in (await host.plugin("hello") or {"generations": []})["generations"])

    await host.until(starts, "it is starting")


async def answers_revoked(host: RunningHost, name: str = "hello") -> Json:
    """The plugin's mount says 503 and why; so does the plugin itself, once nothing of it is tried any more."""

    async def settled() -> bool:
        return bool((await host.get(f"/{name}/")).json().get("code") != "plugin-starting")

    await host.until(settled, f"{name} is not tried any more")
    answer = await host.get(f"/{name}/")
    problem: Json = answer.json()
    assert (answer.status_code, problem["status"], problem["code"], problem["plugin"]) == (503, 503, "revoked", name), problem
    assert f"plughost explain {name}" in problem["detail"]
    plugin = await host.plugin(name) or {}
    assert (plugin["status"], plugin["serving"], plugin["error"]["code"]) == ("failed", None, "revoked")
    return problem


async def audit(host: RunningHost, plugin: str | None = None) -> list[Json]:
    """The newest rows first."""
    query = f"&plugin={plugin}" if plugin else ""
    rows: list[Json] = (await host.ask("GET", f"/api/audit?limit=100{query}")).json()["audit"]
    return rows


@contextlib.asynccontextmanager
async def never_a_blip(host: RunningHost, name: str) -> AsyncIterator[None]:
    """Every request to the plugin is answered meanwhile, and by the same generation."""
    over, answered = asyncio.Event(), 0

    async def ask() -> None:
        nonlocal answered
        while not over.is_set():
            assert (await host.get(f"/{name}/")).status_code == 200
            answered += 1

    before = (await host.plugin(name) or {})["serving"]
    asking = asyncio.create_task(ask())
    yield
    over.set()
    await asking
    assert answered
    assert (await host.plugin(name) or {})["serving"] == before


async def test_a_plugin_whose_wheel_is_revoked_stops_at_the_next_look_and_the_others_go_on(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        bad = hello("1.0")
        await index.list(bad, hello("1.0", name="other"))
        await host.until_serving("hello")
        await host.until_serving("other")
        async with never_a_blip(host, "other"):
            index.revoked = {bad.sha256: "it steals cookies"}
            await look(host)
            problem = await answers_revoked(host)
        for words in SAYS:
            assert words in problem["detail"]
        assert [item["plugin"] for item in (await host.get("/slots/greetings")).json()["items"]] == ["other"]

        explained = (await host.ask("GET", "/api/plugins/hello/explain")).json()
        assert explained["status"] == "failed"
        assert (explained["refused"][0]["error"]["sha256"], explained["next_try"]) == (bad.sha256, None)
        assert f"{index.url} revoked it, and it comes back when that is lifted" in explained["because"][-1]

        told = next(row for row in await audit(host) if row["verb"] == "revoke")
        assert (told["by"], told["reason"], told["detail"]) == (f"list:{index.url}", "it steals cookies", {"digests": [bad.sha256]})

        async def stopped() -> bool:
            row = (await audit(host, "hello"))[0]
            said = (row["verb"], row["by"], row["detail"]["state"])
            return said == ("disable", f"list:{index.url}", "succeeded") and SAYS[0] in row["reason"]

        await host.until(stopped, "that it was stopped is in the audit trail")


async def test_the_event_stream_tells_of_a_revocation(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        await one_serves_on_refresh(host, index)

        async def listens() -> bool:
            return bool(index.asked["events"])

        await host.until(listens, "the host follows the stream")
        await index.revoke(hello("1.0"))
        await host.until_status("hello", "failed")
        await answers_revoked(host)


async def one_serves_on_refresh(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await look(host)
    await host.until_serving("hello", "1.0")


async def test_a_revoked_dependency_stops_every_plugin_that_contains_it(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        index.publish(lib())
        users = [hello("1.0", name=name, requires=["acme-lib"], extra=USING) for name in ("one", "two")]
        await index.list(*users, hello("1.0", name="other"))
        await look(host)
        for name in ("one", "two", "other"):
            await host.until_serving(name)
        async with never_a_blip(host, "other"):
            index.revoked = {lib().sha256: "CVE-2031-1"}
            await look(host)
            for name in ("one", "two"):
                problem = await answers_revoked(host, name)
                assert f"{name} 1.0 contains acme-lib 1.0 (sha256 {lib().sha256}), which is revoked: CVE-2031-1" in problem["detail"]


async def test_what_has_begun_in_a_revoked_plugin_ends_as_in_any_drain(start: HostFactory, index: Index) -> None:
    gate = asyncio.Event(), asyncio.Event()
    async with start(poll=3600, drain=600.0, provide={"gate": gate}) as host:
        bad = hello("1.0", extra=WAITS)
        await index.list(bad)
        await look(host)
        await host.until_serving("hello")
        slow = asyncio.create_task(host.get("/hello/slow"))
        await gate[0].wait()
        await index.revoke(bad)
        await look(host)
        await answers_revoked(host)
        assert [each["phase"] for each in (await host.plugin("hello") or {})["generations"]] == ["draining"]
        gate[1].set()
        answer = await slow
        assert (answer.status_code, answer.json()) == (200, "whole")


async def test_nothing_of_a_revoked_release_is_fetched_or_run_whatever_an_operator_says(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        bad = hello("1.0")
        index.publish(bad)
        await index.revoke(bad)
        await look(host)
        url = f"{index.url}{index.path(bad)}"
        by_url = {"name": "hello", "url": url, "integrity": bad.integrity}
        says = (f"hello 1.0 contains {bad.filename} (sha256 {bad.sha256}), which is revoked: it steals cookies",)
        for body in (by_url, {**by_url, "enable": False}, {"name": "hello", "project": "acme-hello"}):
            problem = await refused_operation(host, "POST", "/api/plugins", body, is_="403 revoked", says=says)
            assert (problem["sha256"], problem["reason"]) == (bad.sha256, "it steals cookies")
        assert index.asked[bad.filename] == 0
        assert await host.plugin("hello") is None


async def test_a_release_that_an_operator_holds_is_stopped_all_the_same(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        bad = hello("1.0")
        index.publish(bad, hello("2.0"))
        await host.install("hello", project="acme-hello", version="1.0", reason="I know better")
        await index.revoke(bad)
        await look(host)
        await answers_revoked(host)

        for verb in ("enable", "reload", "resume", "rollback"):
            await refused_operation(host, "POST", f"/api/plugins/hello/{verb}", is_="403 revoked", says=("which is revoked",))
        await answers_revoked(host)
        await refused_operation(host, "POST", "/api/plugins/hello/upgrade", {"version": "1.0"}, is_="403 revoked", says=("hello 1.0",))

        assert (await host.operate("POST", "/api/plugins/hello/upgrade", {"version": "2.0"}))["version"] == "2.0"
        assert (await host.get("/hello/")).json() == "2.0"
        assert "error" not in (await host.plugin("hello") or {})


async def test_a_revoked_dependency_is_refused_before_it_is_fetched(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        index.publish(lib(), hello("1.0", requires=["acme-lib"], extra=USING))
        await index.revoke(lib(), reason="CVE-2031-1")
        await look(host)
        body = {"name": "hello", "project": "acme-hello"}
        says = (f"hello 1.0 contains acme-lib 1.0 (sha256 {lib().sha256}), which is revoked: CVE-2031-1",)
        await refused_operation(host, "POST", "/api/plugins", body, is_="403 revoked", says=says)
        assert not (host.host.settings.home / "store" / "wheels" / lib().sha256).exists()


async def test_what_is_revoked_while_it_starts_is_given_up(start: HostFactory, index: Index) -> None:
    async with start(poll=3600, start_deadline=600.0) as host:
        bad = hello("1.0", extra=FOR_EVER)
        await index.list(bad)
        await look(host)
        await until_starting(host)
        await index.revoke(bad)
        await look(host)
        await host.until_status("hello", "failed")
        await answers_revoked(host)


async def test_what_serves_is_stopped_while_its_upgrade_hangs(start: HostFactory, index: Index) -> None:
    async with start(poll=3600, start_deadline=600.0) as host:
        await one_serves_on_refresh(host, index)
        await index.list(hello("2.0", extra=FOR_EVER))
        await look(host)
        await until_starting(host)
        assert (await host.get("/hello/")).json() == "1.0"

        await index.revoke(hello("1.0"))
        await look(host)
        answer = await host.get("/hello/")
        assert (answer.status_code, answer.json()["code"]) == (503, "revoked")
        assert "hello 1.0 contains" in answer.json()["detail"]
        assert (await host.plugin("hello") or {})["serving"] is None


async def test_an_uninstall_waits_for_what_a_revocation_left_draining(start: HostFactory, index: Index) -> None:
    gate = asyncio.Event(), asyncio.Event()
    async with start(poll=3600, drain=600.0, provide={"gate": gate}) as host:
        bad = hello("1.0", extra=WAITS)
        index.publish(bad)
        await host.install("hello", project="acme-hello")
        slow = asyncio.create_task(host.get("/hello/slow"))
        await gate[0].wait()
        await index.revoke(bad)
        await look(host)
        await answers_revoked(host)

        uninstalling = asyncio.create_task(host.operate("DELETE", "/api/plugins/hello?purge=true"))
        await host.until_status("hello", "stopping")
        gate[1].set()
        assert (await slow).json() == "whole"
        assert (await uninstalling)["state"] == "succeeded"
        assert await host.plugin("hello") is None
        assert (await host.get("/hello/")).status_code == 404


async def test_the_release_that_served_before_serves_instead_until_the_revocation_is_lifted(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        await one_serves_on_refresh(host, index)
        bad = hello("2.0")
        await index.list(bad)
        await look(host)
        await host.until_serving("hello", "2.0")

        index.revoked = {bad.sha256: "it steals cookies"}
        await look(host)
        await host.until_serving("hello", "1.0")
        assert (await host.get("/hello/")).json() == "1.0"
        plugin = await host.plugin("hello") or {}
        assert (plugin["status"], plugin["intent"]["version"], plugin["error"]["code"]) == ("serving", "2.0", "revoked")

        await index.lift(bad)
        await look(host)
        await host.until_serving("hello", "2.0")
        assert "error" not in (await host.plugin("hello") or {})
        assert [row["verb"] for row in await audit(host) if row["verb"].endswith("revoke")] == ["unrevoke", "revoke"]


async def test_a_plugin_comes_back_by_itself_when_the_revocation_is_lifted(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        await one_serves_on_refresh(host, index)
        await index.revoke(hello("1.0"))
        await look(host)
        await answers_revoked(host)
        await index.lift(hello("1.0"))
        await look(host)
        await host.until_serving("hello", "1.0")


async def test_no_release_serves_instead_that_contains_what_is_revoked_too(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as host:
        index.publish(lib())
        for version in ("1.0", "1.1", "1.2", "1.3"):
            await index.list(hello(version, requires=["acme-lib"], extra=USING))
            await look(host)
            await host.until_serving("hello", version)
        await index.revoke(lib(), reason="CVE-2031-1")
        await look(host)

        async def all_refused() -> bool:
            explained = (await host.ask("GET", "/api/plugins/hello/explain")).json()
            return {each["release"]["version"] for each in explained["refused"]} == {"1.0", "1.1", "1.2", "1.3"}

        await host.until(all_refused, "each was tried once")

        async def says_why() -> bool:
            return "hello 1.3 contains acme-lib" in (await answers_revoked(host))["detail"]

        await host.until(says_why, "the mount says why the wanted one does not serve")
        await look(host)
        assert len((await host.ask("GET", "/api/operations?plugin=hello&limit=100")).json()["operations"]) == 8  # none is tried again


async def test_a_host_that_starts_while_the_index_is_down_still_refuses(start: HostFactory) -> None:
    index = Index()
    async with gated(index.app) as gate:
        index.url = gate.url
        async with start(index=gate.url) as host:
            await index.list(hello("1.0"), hello("1.0", name="other"))
            await host.until_serving("hello")
            await index.revoke(hello("1.0"))
            await host.until_status("hello", "failed")
            await host.until_serving("other")
        await gate.close()
        async with start(index=gate.url) as host:
            await host.until_serving("other")
            await host.until_status("hello", "failed")
            await answers_revoked(host)
            await refused_operation(host, "POST", "/api/plugins/hello/resume", is_="403 revoked", says=("which is revoked",))
            await answers_revoked(host)

            await index.lift(hello("1.0"))
            await gate.open()
            await host.until_serving("hello", "1.0")


async def test_a_revocation_holds_against_what_another_process_on_the_home_serves(start: HostFactory, index: Index) -> None:
    async with start(poll=3600) as ours, start(poll=3600) as theirs:
        index.entries = [index.entry(hello("1.0"))]
        index.publish(hello("1.0"))
        for host in (ours, theirs):
            await look(host)
            await host.until_serving("hello", "1.0")
        index.revoked = {hello("1.0").sha256: "it steals cookies"}  # and no event tells of it
        await look(ours)
        await theirs.until_status("hello", "failed")
        await answers_revoked(theirs)
        assert len([row for row in await audit(ours) if row["verb"] == "revoke"]) == 1


@pytest.mark.parametrize("raw", [b"{", b'{"revoked": [{"sha256": "zz", "reason": "x"}]}', b"[]"])
async def test_revocations_that_cannot_be_read_change_nothing_and_hold_up_nothing(host: RunningHost, index: Index, raw: bytes) -> None:
    bad = hello("1.0")
    await index.list(bad, hello("1.0", name="other"))
    await host.until_serving("other", "1.0")
    await index.revoke(bad)
    await host.until_status("hello", "failed")

    index.raw_revoked = raw
    await index.list(bad, hello("1.1", name="other"))
    await host.until_serving("other", "1.1")

    async def told() -> bool:
        source = (await host.ask("GET", "/api/sources")).json()["sources"][0]
        return source["state"] == "problem" and "/api/revoked" in source["problem"]

    await host.until(told, "the source has a problem")
    await answers_revoked(host)


async def test_a_list_that_cannot_be_read_does_not_hold_up_a_revocation(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    index.raw = b"["
    await index.revoke(hello("1.0"))
    await host.until_status("hello", "failed")
    await answers_revoked(host)


async def test_an_index_that_stops_publishing_what_is_revoked_has_lifted_nothing(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    await index.revoke(hello("1.0"))
    await host.until_status("hello", "failed")
    index.revoked = None
    for _ in range(3):
        await look(host)
    await answers_revoked(host)


async def test_a_folder_revokes_by_a_file_beside_its_wheels(start: HostFactory, tmp_path: Path) -> None:
    folder, bad = tmp_path / "wheels", hello("1.1")
    for built in (hello("1.0"), bad, hello("1.0", name="other")):
        built.write(folder)
    async with start(index=None, sources=(SourceSettings(url=str(folder), kind="folder"),)) as host:
        await host.until_serving("hello", "1.1")
        (folder / "revoked.json").write_text(json.dumps({"revoked": [{"sha256": bad.sha256, "reason": "it steals cookies"}]}))
        await host.until_status("hello", "failed")
        await answers_revoked(host)
        await host.until_serving("other")

        (folder / bad.filename).unlink()
        await host.until_serving("hello", "1.0")
