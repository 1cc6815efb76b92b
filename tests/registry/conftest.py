"""What the tests of this room share: mounting an app, calling it in process, serving it on a free port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import httpx
import pytest
import uvicorn

from plughost.model.owner import Owner
from plughost.registry import Contribution, Dispatch, Mounted, Registry
from plughost.types import ASGIApp, ASGIScope, Receive, Send

Mount = Callable[..., Mounted]
Serve = Callable[[ASGIApp], Awaitable[str]]


async def core(scope: ASGIScope, receive: Receive, send: Send) -> None:
    """The application behind the plugins: says which path it was asked for."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": f"core {scope['root_path']}|{scope['path']}".encode()})


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def dispatch(registry: Registry) -> Dispatch:
    return Dispatch(registry, core)


@pytest.fixture
def mount(registry: Registry) -> Mount:
    """Mount an app as the next generation of a plugin."""
    numbers = iter(range(1, 1_000_000))

    def mount(
        app: ASGIApp | None,
        at: str = "chat",
        plugin: str | None = None,
        state: Mapping[str, object] | None = None,
        contributions: tuple[Contribution, ...] = (),
    ) -> Mounted:
        owner = Owner(plugin or at, "1.0", next(numbers))
        mounted = Mounted(mount=at, owner=owner, app=app, state=state or {}, contributions=contributions)
        registry.mount(mounted)
        return mounted

    return mount


@pytest.fixture
async def client(dispatch: Dispatch) -> AsyncIterator[httpx.AsyncClient]:
    """Calls in process."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(dispatch), base_url="http://host.example.com") as client:
        yield client


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Serve an app by uvicorn on a free port; gives its address without the scheme."""
    servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []

    async def serve(app: ASGIApp) -> str:
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        servers.append((server, asyncio.create_task(server.serve(sockets=[listening]))))
        async with asyncio.timeout(60):
            while not server.started:
                await asyncio.sleep(0)
        return f"127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    for server, task in servers:
        server.should_exit = True
        await task
