from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from plughost.net import Client, Rules, own_origin
from tests.net.servers import Answer, Server, serving

Serve = Callable[..., Awaitable[Server]]
Open = Callable[..., Client]
_AMBIENT = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX")


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither its proxies and registries nor its user's files."""
    for name in _AMBIENT:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "config"))
    monkeypatch.delenv("NETRC", raising=False)


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that end with the test."""
    async with AsyncExitStack() as stack:

        async def started(answer: Answer, **options: Any) -> Server:
            return await stack.enter_async_context(serving(answer, **options))

        yield started


@pytest.fixture
async def opened() -> AsyncIterator[Open]:
    """Makes clients that trust these URLs' origins as an operator's own, and closes them after the test."""
    async with AsyncExitStack() as stack:

        def made(*urls: str, rules: Rules | None = None, **options: Any) -> Client:
            client = Client(rules or Rules(map(own_origin, urls)), **options)
            stack.push_async_callback(client.close)
            return client

        yield made
