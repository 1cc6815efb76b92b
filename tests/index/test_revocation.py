"""Both programs together: an operator of the index revokes, and a host that follows it stops."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from plughost.settings import Settings
from plughost.testing import BuiltWheel, RunningHost, running_host, wheel
from tests.index.program import Program, upload
from tests.story.house import hello

Json = dict[str, Any]
REASON = {"reason": "it steals cookies"}


@contextlib.asynccontextmanager
async def following(index: Program, home: Path) -> AsyncIterator[RunningHost]:
    """A host that hears of changes by the event stream alone."""
    async with running_host(Settings(home=home, index=index.url, poll=3600)) as host:
        yield host


@pytest.fixture
async def host(index: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RunningHost]:
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.url}/simple/")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    async with following(index, tmp_path / "host") as running:
        yield running


async def publish(client: httpx.AsyncClient, *wheels: BuiltWheel) -> None:
    for built in wheels:
        assert (await upload(client, built)).is_success


async def enable(client: httpx.AsyncClient, name: str, **asked: str) -> None:
    (await client.post(f"/api/plugins/{name}/enable", json=asked)).raise_for_status()


async def audits(ask: httpx.Response, verb: str) -> list[Json]:
    rows: list[Json] = ask.raise_for_status().json()["audit"]
    return [row for row in rows if verb in row.values()]


async def until_revoked(host: RunningHost, name: str) -> Json:
    await host.until_status(name, "failed")
    answer = await host.get(f"/{name}/")
    problem: Json = answer.json()
    assert (answer.status_code, problem["code"]) == (503, "revoked")
    return problem


async def test_a_release_that_the_index_revokes_stops_at_the_host_and_both_write_it_down(
    index: Program, client: httpx.AsyncClient, host: RunningHost
) -> None:
    bad = hello("1.0")
    await publish(client, bad, hello("1.0", name="other"))
    await enable(client, "hello")
    await enable(client, "other")
    await host.until_serving("hello", "1.0")
    await host.until_serving("other", "1.0")
    untouched = (await host.plugin("other") or {})["serving"]

    (await client.post("/api/projects/acme-hello/1.0/revoke", json=REASON)).raise_for_status()

    async def gone() -> bool:
        return (await host.get("/hello/")).status_code == 404

    await host.until_status("hello", "absent")  # the index lists no other release of it
    await host.until(gone, "hello is unmounted")  # it says for a moment that it is revoked
    assert (await host.plugin("other") or {})["serving"] == untouched
    by = f"list:{index.url}"
    (ours,) = await audits(await host.ask("GET", "/api/audit?limit=100"), "revoke")
    assert (ours["by"], ours["reason"], ours["detail"]) == (by, "it steals cookies", {"digests": [bad.sha256]})
    why = f"contains acme-hello 1.0 (sha256 {bad.sha256}), which is revoked: it steals cookies"

    async def told() -> bool:
        stopped = await audits(await host.ask("GET", "/api/audit?limit=100&plugin=hello"), "disable")
        return [row["by"] for row in stopped if why in row["reason"]] == [by]

    await host.until(told, "that it was stopped is in the audit trail")
    (theirs,) = await audits(await client.get("/api/audit"), "revoke")
    assert theirs["reason"] == "it steals cookies"


async def test_what_an_operator_of_the_host_holds_is_stopped_too(client: httpx.AsyncClient, host: RunningHost) -> None:
    bad = hello("1.0")
    await publish(client, bad)
    await host.install("hello", project="acme-hello", version="1.0", reason="I know better")

    (await client.post("/api/projects/acme-hello/1.0/revoke", json=REASON)).raise_for_status()

    problem = await until_revoked(host, "hello")
    assert f"contains acme-hello 1.0 (sha256 {bad.sha256}), which is revoked: it steals cookies" in problem["detail"]
    refused = await host.refused("POST", "/api/plugins/hello/resume")
    assert (refused["status"], refused["code"]) == (403, "revoked")


async def test_a_host_goes_on_with_the_release_that_the_index_chooses_instead(client: httpx.AsyncClient, host: RunningHost) -> None:
    await publish(client, hello("1.0"), hello("1.1"))
    await enable(client, "hello")
    await host.until_serving("hello", "1.1")

    (await client.post("/api/projects/acme-hello/1.1/revoke", json=REASON)).raise_for_status()

    await host.until_serving("hello", "1.0")
    assert (await host.get("/hello/")).json() == "1.0"
    assert "error" not in (await host.plugin("hello") or {})


async def test_a_dependency_that_is_revoked_by_its_bytes_stops_what_contains_it(client: httpx.AsyncClient, host: RunningHost) -> None:
    lib = wheel("acme-lib", "1.0", {"acme_lib.py": ""})
    await publish(client, lib, hello("1.0", requires=["acme-lib"], extra="\nimport acme_lib\n"))
    await enable(client, "hello")
    await host.until_serving("hello", "1.0")

    (await client.post("/api/revoked", json={"sha256": lib.sha256, "reason": "CVE-2031-1"})).raise_for_status()

    problem = await until_revoked(host, "hello")
    assert "contains acme-lib 1.0" in problem["detail"]
    refused = await host.refused("POST", "/api/plugins", {"name": "hello", "project": "acme-hello", "version": "1.0"})
    assert (refused["status"], refused["code"]) == (403, "revoked")
