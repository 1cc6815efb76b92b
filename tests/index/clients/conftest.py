"""One index for all tests of a module; each test has projects of its own name on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.index.clients.child import Desk
from tests.index.clients.parcels import LARGE
from tests.index.program import ADMIN, Program, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def index(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    async with running(tmp_path_factory.mktemp("index") / "home", "--max-size", str(LARGE)) as program:
        yield program


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def second(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    """Another index, with other projects."""
    async with running(tmp_path_factory.mktemp("second") / "home") as program:
        yield program


@pytest.fixture
async def client(index: Program) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as made:
        yield made


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(folder=tmp_path)
