"""The host's operations and every mounted plugin's in one OpenAPI document (3.1), made anew when the table changes.

Each plugin makes its fragment, with natural names and paths below its mount, when somebody asks for the first time: a start pays
nothing for it. Making and joining happen off the loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from plughost.registry import Mounted, Registry
from plughost.runtime.thread import in_thread
from plughost.types import ASGIApp

Document = dict[str, Any]
logger = logging.getLogger(__name__)
PATIENCE = 5.0
"""Seconds for one plugin to make its fragment."""


class Documents:
    """The document of the present table, kept until the table is another one."""

    def __init__(self, own: FastAPI, registry: Registry, *, core: ASGIApp | None, version: str, prefix: str) -> None:
        self._own, self._registry, self._core, self._version, self._prefix = own, registry, core, version, prefix
        self._edition = -1
        self._text = b""
        self._fragments: dict[int, Document] = {}
        """By generation."""
        self._making = asyncio.Lock()

    async def text(self) -> bytes:
        """The document as JSON text."""
        async with self._making:
            edition = self._registry.edition
            if self._edition != edition:
                mounted = [entry for _, entry in sorted(self._registry.table.mounts.items()) if isinstance(entry, Mounted)]
                known = self._fragments
                self._fragments = {each.owner.generation: await _fragment(each, known) for each in mounted}
                places = [(each.mount, self._fragments[each.owner.generation]) for each in mounted]
                self._text = await asyncio.get_running_loop().run_in_executor(None, self._made, places)
                self._edition = edition
        return self._text

    def _made(self, places: Sequence[tuple[str, Document]]) -> bytes:
        document: Document = get_openapi(title="plughost", version=self._version, routes=self._own.routes)
        document["paths"] = {self._prefix + path: operations for path, operations in document["paths"].items()}
        if isinstance(self._core, FastAPI):
            _join(document, "", self._core.openapi())
        for mount, fragment in places:
            _join(document, f"/{mount}", fragment)
        return json.dumps(document).encode()


async def _fragment(mounted: Mounted, known: Mapping[int, Document]) -> Document:
    """The plugin's fragment; made by the plugin's code in a thread, and left out where that does not end in time."""
    owner = mounted.owner
    if owner.generation in known or mounted.openapi is None:
        return known.get(owner.generation, {})
    try:
        async with asyncio.timeout(PATIENCE):
            made = await in_thread(mounted.openapi, owner=owner, what="openapi")
    except TimeoutError:
        logger.warning("no OpenAPI of a plugin in time", extra={"plugin": owner.plugin, "version": owner.version})
        made = None
    return dict(made or {})


def routes(documents: Documents) -> APIRouter:
    """Where the document is always found."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/plugins/openapi.json")
    async def openapi() -> Response:
        return await _document(documents)

    @router.get("/api/plugins/docs")
    async def docs(request: Request) -> HTMLResponse:
        return _swagger(request, "/api/plugins/openapi.json")

    return router


def short_routes(documents: Documents) -> APIRouter:
    """The same under the short paths, which an embedding application may have of its own."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return await _document(documents)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        return _swagger(request, "/openapi.json")

    @router.get("/redoc")
    async def redoc(request: Request) -> HTMLResponse:
        return get_redoc_html(openapi_url=request.scope["root_path"] + "/openapi.json", title="plughost")

    return router


async def _document(documents: Documents) -> Response:
    return Response(await documents.text(), media_type="application/json")


def _swagger(request: Request, path: str) -> HTMLResponse:
    return get_swagger_ui_html(openapi_url=request.scope["root_path"] + path, title="plughost")


def _join(document: Document, mount: str, fragment: Mapping[str, Any]) -> None:
    for path, operations in fragment.get("paths", {}).items():
        document["paths"][mount + path] = operations
    for kind, found in fragment.get("components", {}).items():
        document.setdefault("components", {}).setdefault(kind, {}).update(found)
