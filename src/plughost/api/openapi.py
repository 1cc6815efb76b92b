"""The host's operations and every mounted plugin's in one OpenAPI document (3.1), made anew when the table changes.

Each plugin makes its fragment, with natural names and paths below its mount, when somebody asks for the first time: a start pays
nothing for it. Making and joining happen off the loop.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, Response

from plughost.registry import Mounted, Registry, Table
from plughost.types import ASGIApp

Document = dict[str, Any]


class Documents:
    """The document of the present table, kept until the table is another one."""

    def __init__(self, own: FastAPI, registry: Registry, *, core: ASGIApp | None, version: str) -> None:
        self._own, self._registry, self._core, self._version = own, registry, core, version
        self._table: Table | None = None
        self._text = b""
        self._making = asyncio.Lock()

    async def text(self) -> bytes:
        """The document as JSON text."""
        async with self._making:
            table = self._registry.table
            if self._table is not table:
                self._text = await asyncio.get_running_loop().run_in_executor(None, self._made, table)
                self._table = table
        return self._text

    def _made(self, table: Table) -> bytes:
        document = _host(self._own, self._version)
        if isinstance(self._core, FastAPI):
            _join(document, "", self._core.openapi())
        for mount, entry in sorted(table.mounts.items()):
            if isinstance(entry, Mounted) and entry.openapi is not None:
                _join(document, f"/{mount}", entry.openapi() or {})
        return json.dumps(document).encode()


def routes(documents: Documents, prefix: str) -> APIRouter:
    """Where the document is always found."""
    router = APIRouter(include_in_schema=False)

    @router.get("/api/plugins/openapi.json")
    async def openapi() -> Response:
        return await _document(documents)

    @router.get("/api/plugins/docs")
    async def docs(request: Request) -> HTMLResponse:
        return _swagger(request, f"{prefix}/api/plugins/openapi.json")

    return router


def short_routes(documents: Documents, prefix: str) -> APIRouter:
    """The same under the short paths, which an embedding application may have of its own."""
    router = APIRouter(include_in_schema=False)

    @router.get("/openapi.json")
    async def openapi() -> Response:
        return await _document(documents)

    @router.get("/docs")
    async def docs(request: Request) -> HTMLResponse:
        return _swagger(request, f"{prefix}/openapi.json")

    @router.get("/redoc")
    async def redoc(request: Request) -> HTMLResponse:
        return get_redoc_html(openapi_url=request.scope.get("root_path", "") + f"{prefix}/openapi.json", title="plughost")

    return router


async def _document(documents: Documents) -> Response:
    return Response(await documents.text(), media_type="application/json")


def _swagger(request: Request, path: str) -> HTMLResponse:
    return get_swagger_ui_html(openapi_url=request.scope.get("root_path", "") + path, title="plughost")


def _host(own: FastAPI, version: str) -> Document:
    return get_openapi(title="plughost", version=version, routes=own.routes)


def _join(document: Document, mount: str, fragment: Mapping[str, Any]) -> None:
    for path, operations in fragment.get("paths", {}).items():
        document["paths"][mount + path] = operations
    for kind, found in fragment.get("components", {}).items():
        document.setdefault("components", {}).setdefault(kind, {}).update(found)
