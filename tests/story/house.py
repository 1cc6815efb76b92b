"""An index that tells what a test wants, over real HTTP, and a plugin that says something."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from plughost.testing import BuiltWheel, RunningHost, wheel

HostFactory = Callable[..., contextlib.AbstractAsyncContextManager[RunningHost]]
"""Starts a host on the test's home; takes settings, and an application that embeds it."""

HELLO = """
from fastapi import APIRouter, Request
from plughost.sdk import Html, Plugin

router = APIRouter()
plugin = Plugin(routes=router)

@router.get("/")
async def says():
    return "{says}"

@plugin.slot("greetings")
async def greeting(user: str = "you"):
    return Html("<b>{says} {{}}</b>").format(user)
"""


def hello(version: str = "1.0", *, name: str = "hello", says: str | None = None, extra: str = "", **options: Any) -> BuiltWheel:
    """A plugin that says something (its version); `extra` is appended to its module."""
    source = HELLO.format(says=says or version) + extra
    module = f"{name.replace('-', '_')}_plugin"
    options.setdefault("plugins", {name: f"{module}:plugin"})
    return wheel(f"acme-{name}", version, {f"{module}.py": source}, **options)


class Index:
    """A plugin index in a hundred lines, which can be made to misbehave."""

    def __init__(self) -> None:
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.entries: list[dict[str, Any]] = []
        self.revoked: dict[str, str] | None = None
        """sha256 → reason; None: it publishes no such document."""
        self.raw_revoked: bytes | None = None
        """Answered instead of what is revoked."""
        self.asked: Counter[str] = Counter()
        self.raw: bytes | None = None
        """Answered instead of the list."""
        self.status = 200
        """Of the list."""
        self.page_status = 200
        """Of every project's page."""
        self.hold: asyncio.Event | None = None
        """Files wait for it."""
        self.hold_list: asyncio.Event | None = None
        """The list waits for it."""
        self._changed = asyncio.Condition()
        self.app = Starlette(
            routes=[
                Route("/api/plugins/enabled", self._list),
                Route("/api/plugins/events", self._events),
                Route("/api/revoked", self._revoked),
                Route("/simple/{project}/", self._page),
                Route("/files/{sha256}/{filename}", self._file),
            ]
        )

    def publish(self, *wheels: BuiltWheel) -> None:
        """Keep the files; nothing is listed by that."""
        for each in wheels:
            self.files[each.filename] = each.data

    async def list(self, *wheels: BuiltWheel, **more: Any) -> None:
        """List exactly these, each under the plugin's name in its entry points."""
        self.publish(*wheels)
        await self.say(*(self.entry(each, **more) for each in wheels))

    async def say(self, *entries: dict[str, Any]) -> None:
        """List exactly these entries."""
        self.entries = [*entries]
        await self.tell()

    async def revoke(self, *wheels: BuiltWheel, reason: str = "it steals cookies") -> None:
        """No host may run these from now on."""
        self.revoked = {**(self.revoked or {}), **{each.sha256: reason for each in wheels}}
        await self.tell()

    async def lift(self, *wheels: BuiltWheel) -> None:
        """Hosts may run these again."""
        gone = {each.sha256 for each in wheels}
        self.revoked = {sha256: reason for sha256, reason in (self.revoked or {}).items() if sha256 not in gone}
        await self.tell()

    async def tell(self) -> None:
        """Tell those who follow that something changed."""
        async with self._changed:
            self._changed.notify_all()

    def entry(self, built: BuiltWheel, **more: Any) -> dict[str, Any]:
        name = built.filename.partition("-")[0].removeprefix("acme_").replace("_", "-")
        return {"name": name, "remoteEntryUrl": f"{self.url}{self.path(built)}", "integrity": built.integrity, **more}

    @staticmethod
    def path(built: BuiltWheel) -> str:
        return f"/files/{built.sha256}/{built.filename}"

    async def _list(self, request: Request) -> Response:
        self.asked["list"] += 1
        if self.hold_list is not None:
            await self.hold_list.wait()
        body = json.dumps(self.entries).encode() if self.raw is None else self.raw
        etag = f'"{hashlib.sha256(body + repr(self.revoked).encode()).hexdigest()}"'
        headers = {"ETag": etag, "Link": '</api/plugins/events>; rel="monitor"'}
        if self.status == 200 and request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(body, status_code=self.status, media_type="application/json", headers=headers)

    async def _revoked(self, request: Request) -> Response:
        self.asked["revoked"] += 1
        if self.revoked is None and self.raw_revoked is None:
            return Response(status_code=404)
        rows = [{"sha256": sha256, "reason": reason, "by": "ada"} for sha256, reason in (self.revoked or {}).items()]
        body = json.dumps({"revoked": rows}).encode() if self.raw_revoked is None else self.raw_revoked
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        return Response(body, media_type="application/json", headers={"ETag": etag})

    async def _events(self, request: Request) -> Response:
        async def events() -> AsyncIterator[str]:
            yield ": here\n\n"
            while True:
                async with self._changed:
                    self.asked["events"] += 1
                    await self._changed.wait()
                yield "event: changed\ndata:\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    async def _page(self, request: Request) -> Response:
        project = request.path_params["project"]
        ours = {name: BuiltWheel(name, data) for name, data in self.files.items() if name.partition("-")[0].replace("_", "-") == project}
        files = [
            {"filename": name, "url": f"{self.url}{self.path(built)}", "hashes": {"sha256": built.sha256}} for name, built in ours.items()
        ]
        if not files or self.page_status != 200:
            return Response(status_code=404 if self.page_status == 200 else self.page_status)
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": files}
        return JSONResponse(page, media_type="application/vnd.pypi.simple.v1+json")

    async def _file(self, request: Request) -> Response:
        name = request.path_params["filename"]
        self.asked[name] += 1
        if self.hold is not None:
            await self.hold.wait()
        data = self.files.get(name)
        return Response(status_code=404) if data is None else Response(data, media_type="application/octet-stream")
