"""A host that knows the index alone: what its plugins require comes from the registry, through the index."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import wheel
from tests.index.program import ADMIN, Program, upload
from tests.index.upstream.registry import Registry, passing
from tests.index.upstream.registry import registry as running_registry
from tests.story.house import HostFactory, hello


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with running_registry() as made:
        yield made


@pytest.fixture
async def program(tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Program]:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv-cache"))
    async with passing(tmp_path / "index" / "home", registry.url) as started:
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"{started.url}/simple/")
        yield started


async def test_a_dependency_comes_through_the_index_and_is_revoked_there(program: Program, registry: Registry, start: HostFactory) -> None:
    library = wheel("lib-one", "1.5", {"lib_one.py": "WORD = 'passed'\n"})
    registry.has(library)
    plugin = hello("1.0", extra="\nimport lib_one\nassert lib_one.WORD == 'passed'\n", requires=["lib-one>=1"])
    async with httpx.AsyncClient(base_url=program.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as operator:
        assert (await upload(operator, plugin)).status_code == 200
        (await operator.post("/api/plugins/hello/enable")).raise_for_status()
        async with start(index=program.url) as host:
            await host.until_serving("hello", "1.0")
            assert registry.count(f"/kept/{library.filename}") == 1
            revoked = {"sha256": library.sha256, "reason": "it steals"}
            (await operator.post("/api/revoked", json=revoked)).raise_for_status()

            async def stopped() -> bool:
                return (await host.get("/hello/")).status_code == 503

            await host.until(stopped, "what contains revoked bytes is stopped")
