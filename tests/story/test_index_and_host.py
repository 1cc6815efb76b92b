"""The index's program and a host, together: what operators say at the index reaches what runs, and both keep a trail of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel, wheel
from tests.index.program import ADMIN, Program, running, upload
from tests.story.house import HostFactory, hello

USING = "\nimport acme_lib\n"


@pytest.fixture(autouse=True)
def _only_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver keeps its cache here."""
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))


@pytest.fixture
async def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Program]:
    async with running(tmp_path / "index") as started:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{started.url}/simple/")
        yield started


@pytest.fixture
async def operator(program: Program) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=program.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as client:
        yield client


async def published(operator: httpx.AsyncClient, *wheels: BuiltWheel) -> None:
    for built in wheels:
        assert (await upload(operator, built)).status_code == 200


async def said(operator: httpx.AsyncClient, method: str, path: str, **body: str) -> None:
    posts = method == "POST"
    answer = await operator.request(method, path, json=body if posts else None, params=None if posts else body)
    assert answer.is_success, answer.text


async def test_a_revoked_dependency_stops_the_plugin_that_contains_it_and_both_sides_keep_a_trail(
    operator: httpx.AsyncClient, program: Program, start: HostFactory
) -> None:
    lib = wheel("acme-lib", "1.0", {"acme_lib.py": "version = '1.0'\n"})
    await published(operator, lib, hello(extra=USING, requires=["acme-lib"]), hello(name="other"))
    for name in ("hello", "other"):
        await said(operator, "POST", f"/api/plugins/{name}/enable")
    async with start(index=program.url) as host:
        for name in ("hello", "other"):
            await host.until_serving(name)
        await said(operator, "POST", "/api/projects/acme-lib/1.0/revoke", reason="steals cookies")
        plugin = await host.until_status("hello", "failed")
        assert plugin["error"]["code"] == "revoked"
        assert "acme_lib-1.0" in plugin["error"]["detail"] or lib.sha256 in plugin["error"]["detail"]
        assert (await host.get("/hello/")).json()["code"] == "revoked"
        assert await host.serving("other") == "1.0"
        ours = (await host.ask("GET", "/api/audit")).json()["audit"]
        assert [row for row in ours if row["verb"] == "revoke" and row["by"] == f"list:{program.url}"]
    theirs = (await operator.get("/api/audit")).json()["audit"]
    assert [(row["by"], row["subject"], row["reason"]) for row in theirs if row["verb"] == "revoke"] == [
        ("admin", "acme-lib 1.0", "steals cookies")
    ]


async def test_a_revoked_release_gives_way_to_the_newest_that_is_not_and_an_override_does_not_save_it(
    operator: httpx.AsyncClient, program: Program, start: HostFactory
) -> None:
    await published(operator, hello("1.0"), hello("1.1"))
    await said(operator, "POST", "/api/plugins/hello/enable")
    async with start(index=program.url) as host:
        await host.until_serving("hello", "1.1")
        await host.operate("POST", "/api/plugins/hello/upgrade", {"version": "1.1", "reason": "held"})
        await said(operator, "POST", "/api/projects/acme-hello/1.1/revoke", reason="steals cookies")
        await host.until_status("hello", "failed")
        await host.operate("DELETE", "/api/plugins/hello/override")
        await host.until_serving("hello", "1.0")


async def test_what_the_index_quarantines_or_removes_leaves_the_hosts(
    operator: httpx.AsyncClient, program: Program, start: HostFactory
) -> None:
    await published(operator, hello("1.0"), hello("1.1"))
    await said(operator, "POST", "/api/plugins/hello/enable")
    async with start(index=program.url) as host:
        await host.until_serving("hello", "1.1")
        await said(operator, "POST", "/api/projects/acme-hello/1.1/quarantine", reason="looked at")
        await host.until_serving("hello", "1.0")
        await said(operator, "POST", "/api/projects/acme-hello/1.1/unquarantine")
        await host.until_serving("hello", "1.1")
        await said(operator, "DELETE", "/api/projects/acme-hello/1.1", reason="by mistake")
        await host.until_serving("hello", "1.0")
        await said(operator, "DELETE", "/api/projects/acme-hello/1.0", reason="by mistake")

        async def gone() -> bool:
            return (await host.get("/hello/")).status_code == 404

        await host.until(gone, "hello is unmounted")
