"""A real index over HTTP on a free port, as the clients meet it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.index.program import ADMIN, Program, running


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[Program]:
    async with running(tmp_path / "home") as program:
        yield program


@pytest.fixture
async def client(index: Program) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dist"
    made.mkdir()
    return made
