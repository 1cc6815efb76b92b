"""A host that follows an index, both over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plughost.settings import Settings
from plughost.testing import RunningHost, running_host, served
from tests.story.house import HostFactory, Index


@pytest.fixture
async def index() -> AsyncIterator[Index]:
    made = Index()
    async with served(made.app) as made.url:
        yield made


@pytest.fixture
def start(tmp_path: Path, index: Index) -> HostFactory:
    """Starts a host on the test's home, following the index; a second start is a restart."""

    def start(app: Any = None, provide: Any = None, **settings: Any) -> contextlib.AbstractAsyncContextManager[RunningHost]:
        told = {"home": tmp_path / "home", "index": index.url, "poll": 0.2, "drain": 5.0, **settings}
        return running_host(Settings(**told), app, provide=provide)

    return start


@pytest.fixture
async def host(start: HostFactory) -> AsyncIterator[RunningHost]:
    async with start() as running:
        yield running
