"""The kinds of `Storage` that the contract is about, each new and empty."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from plugin_index.storage import Storage
from plugin_index.storage.home import Home
from tests.index.storage.plain import PlainStorage


@pytest.fixture(params=["home", "plain"])
async def storage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Storage]:
    if request.param == "plain":
        yield PlainStorage(tmp_path / "plain")
        return
    async with Home.opened(tmp_path / "home") as home:
        yield home
