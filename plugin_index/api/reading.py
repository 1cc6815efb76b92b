"""What anybody may read: the plugin list and its changes, the revocations, plugins."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from plughost.http import sse
from plugin_index.api.desk import Desk, Json
from plugin_index.api.shapes import plugin_shape
from plugin_index.catalog import Document, readable
from plugin_index.negotiation import headers_of, unchanged


def add_reading(router: APIRouter, desk: Desk) -> None:
    """The routes."""
    _documents(router, desk)
    _plugins(router, desk)


def _documents(router: APIRouter, desk: Desk) -> None:
    @router.head("/plugins/enabled", include_in_schema=False)
    @router.get("/plugins/enabled")
    async def enabled(request: Request) -> Response:
        """The plugin list."""
        token = await desk.gate.reader(request.scope)
        listed = readable(await desk.listed.now(), token)
        monitor = f"{request.scope.get('root_path', '')}/api/plugins/events"
        return _document(request, listed, {"Link": f'<{monitor}>; rel="monitor"'}, private=token is not None)

    @router.get("/plugins/events", response_class=Response)
    async def events(request: Request, last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Tells of each change of the list, and of the revocations."""
        await desk.gate.reader(request.scope)
        return sse(desk.listed.changes(last_event_id, lambda: desk.gate.reader(request.scope)), stopping=desk.stopping)

    @router.head("/revoked", include_in_schema=False)
    @router.get("/revoked")
    async def revoked(request: Request) -> Response:
        """The sha256s that no host may run, with reasons."""
        token = await desk.gate.reader(request.scope)
        return _document(request, (await desk.listed.now()).revoked, {}, private=token is not None)


def _plugins(router: APIRouter, desk: Desk) -> None:
    @router.get("/plugins")
    async def plugins(
        request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 100, page: Annotated[str, Query(alias="next")] = ""
    ) -> Json:
        """Every plugin, by name; the answer's `next` asks for the page after this one."""
        token = await desk.gate.reader(request.scope)
        found = await desk.shelf.plugins(page, limit)
        mine = [each for each in found if token is None or token.may("read", each.project)]
        shape: Json = {"plugins": [plugin_shape(each) for each in mine]}
        return shape | ({"next": found[-1].name} if len(found) == limit else {})

    @router.get("/plugins/{name}")
    async def plugin(name: str, request: Request) -> Json:
        """One plugin: its project, releases, files, and what is enabled by whom."""
        token = await desk.gate.reader(request.scope)
        found = await desk.shelf.plugin(name)
        if token is not None:
            await desk.gate.reader(request.scope, found.project)
        return plugin_shape(found)


def _document(request: Request, document: Document, more: dict[str, str], *, private: bool) -> Response:
    headers = {"ETag": document.etag, "Cache-Control": "no-cache", **more}
    if not private:
        headers["Access-Control-Allow-Origin"] = "*"
    if unchanged(headers_of(request.scope["headers"], b"if-none-match")[0], document.etag):
        return Response(status_code=304, headers=headers)
    return Response(document.body, media_type="application/json", headers=headers)
