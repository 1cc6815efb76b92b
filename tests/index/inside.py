"""The index inside the test's process, asked without a socket, from any address."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx

from plughost.testing import BuiltWheel
from plughost.types import Message
from plugin_index.app import PluginIndex
from tests.index.program import ADMIN, PATIENCE


@contextlib.asynccontextmanager
async def inside(home: Path, **options: Any) -> AsyncIterator[PluginIndex]:
    """A started index on this home."""
    home.mkdir(parents=True, exist_ok=True)
    app = PluginIndex(home, admin=ADMIN, **options)
    told: asyncio.Queue[Message] = asyncio.Queue()
    said: asyncio.Queue[Message] = asyncio.Queue()
    lifespan = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, told.get, said.put))
    async with asyncio.timeout(PATIENCE):
        await told.put({"type": "lifespan.startup"})
        assert (await said.get())["type"] == "lifespan.startup.complete"
    try:
        yield app
    finally:
        async with asyncio.timeout(PATIENCE):
            await told.put({"type": "lifespan.shutdown"})
            await lifespan


def asked(app: PluginIndex, token: str | None = ADMIN, *, address: str = "127.0.0.1") -> httpx.AsyncClient:
    """A client of it; what its handlers do not catch is raised."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://index.example", headers=headers, timeout=PATIENCE)


async def sent(client: httpx.AsyncClient, built: BuiltWheel, **fields: str) -> httpx.Response:
    """An upload as twine sends it."""
    return await client.post("/legacy/", data={":action": "file_upload", **fields}, files={"content": (built.filename, built.data)})
