from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from plughost.model.sharing import HostShare
from plughost.net import Client, Rules, own_origin
from plughost.store import Store
from tests.store.indexes import Net, outside_world

OpenStore = Callable[..., Awaitable[Store]]


@pytest.fixture
async def net(tmp_path: Path) -> AsyncIterator[Net]:
    async with outside_world(tmp_path) as world:
        yield world


@pytest.fixture
async def client(net: Net) -> AsyncIterator[Client]:
    made = Client(Rules([own_origin(net.origin)]))
    yield made
    await made.close()


@pytest.fixture
async def open_store(net: Net, client: Client, tmp_path: Path) -> AsyncIterator[OpenStore]:
    async with AsyncExitStack() as stack:

        async def opened(*, home: Path = tmp_path / "home", share: HostShare | None = None, **more: Any) -> Store:
            given: dict[str, Any] = {"client": client, "resolver": "uv", "boot": secrets.token_hex(8), "environ": net.environ} | more
            store = Store(home, share=share or {}, **given)
            await store.open()
            stack.push_async_callback(store.close)
            return store

        yield opened


@pytest.fixture
async def store(open_store: OpenStore) -> Store:
    return await open_store()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[Net]:
    """Another origin, which no rule names."""
    async with outside_world(tmp_path / "elsewhere") as world:
        yield world
