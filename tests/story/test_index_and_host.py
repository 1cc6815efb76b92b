"""The index's program and a host, together: what operators say at the index reaches what runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.program import ADMIN, Program, running, upload
from tests.story.house import HostFactory, hello


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
