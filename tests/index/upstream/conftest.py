"""A registry, and an index that passes it through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.index.program import ADMIN, Program
from tests.index.upstream.registry import Registry, passing
from tests.index.upstream.registry import registry as running_registry


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with running_registry() as made:
        yield made


@pytest.fixture
async def index(tmp_path: Path, registry: Registry) -> AsyncIterator[Program]:
    async with passing(tmp_path / "home", registry.url) as program:
        yield program


@pytest.fixture
async def client(index: Program) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as made:
        yield made
