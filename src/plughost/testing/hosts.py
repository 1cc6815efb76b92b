"""A host that runs, over real HTTP on a free port, for tests that read as sentences.

>>> async def test_it_greets(tmp_path):
...     async with running_host(Settings(home=tmp_path / "home", sources=(folder,))) as host:
...         await host.until_serving("hello")
...         assert (await host.get("/hello/")).json() == {"hello": "world"}
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from plughost.host import Host
from plughost.settings import Settings
from plughost.types import ASGIApp

PATIENCE = 60.0
"""Seconds until something that should happen counts as not happening."""
_TOKEN = "the-admin-token-of-a-test"  # noqa: S105 - of a host that lives as long as a test
Json = dict[str, Any]


class RunningHost:
    """A host under uvicorn, and an operator who has the administrator's token."""

    def __init__(self, host: Host, url: str, http: httpx.AsyncClient) -> None:
        self.host, self.url, self.http = host, url, http

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """What is at a path, asked without a token."""
        return await self.http.get(path, headers=headers)

    async def ask(
        self, method: str, path: str, json: object = None, *, wait: float = PATIENCE, token: str | None = _TOKEN
    ) -> httpx.Response:
        """An operator's call; by default it waits for the operation's end."""
        headers = {"Prefer": f"wait={wait}", **({"Authorization": f"Bearer {token}"} if token else {})}
        return await self.http.request(method, path, json=json, headers=headers)

    async def operate(self, method: str, path: str, json: object = None) -> Json:
        """An operator's call that has to succeed; the operation."""
        answer = await self.ask(method, path, json)
        assert answer.status_code == httpx.codes.OK, f"{method} {path}: {answer.status_code} {answer.text}"
        operation: Json = answer.json()
        return operation

    async def install(self, name: str, **asked: object) -> Json:
        """Install, and wait until it serves."""
        return await self.operate("POST", "/api/plugins", {"name": name, **asked})

    async def refused(self, method: str, path: str, json: object = None) -> Json:
        """An operator's call that has to be refused; the problem."""
        answer = await self.ask(method, path, json)
        assert answer.is_error, f"{method} {path}: {answer.status_code} {answer.text}"
        assert answer.headers["content-type"] == "application/problem+json"
        problem: Json = answer.json()
        return problem

    async def plugin(self, name: str) -> Json | None:
        """What the host says of a plugin; None where it knows none."""
        answer = await self.ask("GET", f"/api/plugins/{name}")
        shape: Json | None = answer.json() if answer.is_success else None
        return shape

    async def serving(self, name: str) -> str | None:
        """The version that serves."""
        plugin = await self.plugin(name)
        return plugin["serving"]["version"] if plugin and plugin["serving"] else None

    async def until(self, check: Callable[[], Awaitable[object]], what: str = "") -> None:
        """Wait until it is true; fails when patience ends."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await check():  # noqa: ASYNC110 - what is waited for is behind HTTP
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE:g} s: {what or check}") from None

    async def until_serving(self, name: str, version: str | None = None) -> None:
        """Wait until the plugin serves (in this version)."""

        async def serves() -> bool:
            found = await self.serving(name)
            return found is not None if version is None else found == version

        await self.until(serves, f"{name} {version or ''} serves")

    async def until_status(self, name: str, status: str) -> Json:
        """Wait until the plugin's status is this one; what the host says of it then."""
        seen: Json = {}

        async def is_so() -> bool:
            seen.clear()
            seen.update(await self.plugin(name) or {"status": "absent"})
            return bool(seen["status"] == status)

        await self.until(is_so, f"{name} is {status}")
        return seen


@contextlib.asynccontextmanager
async def running_host(settings: Settings, app: ASGIApp | None = None, **options: Any) -> AsyncIterator[RunningHost]:
    """A host with these settings (and an administrator's token of its own), around `app` if one is given."""
    told = settings.model_copy(update={"admin_token": settings.admin_token or SecretStr(_TOKEN)})
    host = Host(told, app, **options)
    async with served(host) as url, httpx.AsyncClient(base_url=url, timeout=PATIENCE + 10) as http:
        yield RunningHost(host, url, http)


@contextlib.asynccontextmanager
async def served(app: ASGIApp) -> AsyncIterator[str]:
    """Any ASGI application under uvicorn on a free port of 127.0.0.1; its URL. On leaving it is shut down, lifespan and all."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="on", ws="websockets-sansio", log_config=None, access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve([bound]))  # noqa: SLF001 - serve() would take over the signals
        try:
            await _started(server, serving)
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            if serving.done():
                await serving
                raise AssertionError("the application did not start; its log says why")
            await asyncio.sleep(0.01)
