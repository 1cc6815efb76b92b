"""`/api/slots` and `/slots`: named extension points, looked at and rendered."""

from __future__ import annotations

import json
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from plughost.api.console import Console
from plughost.api.shapes import Json
from plughost.errors import RequestInvalid
from plughost.registry import Contribution, Rendered, to_html

_HEADERS = {"Vary": "Accept", "Cache-Control": "no-store"}
_BIGGEST = 1024 * 1024


def routes(console: Console) -> APIRouter:
    """The routes of slots."""
    router = APIRouter(tags=["slots"])

    @router.get("/api/slots")
    async def slots() -> Json:
        """Every slot that has a contribution."""
        return {"slots": [_slot(name, found) for name, found in sorted(console.registry.table.slots.items())]}

    @router.get("/api/slots/{slot}")
    async def slot(slot: str) -> Json:
        """One slot and its contributions, in order, without rendering; an unknown one is empty."""
        return _slot(slot, console.registry.table.slots.get(slot, ()))

    @router.get("/slots/{slot}", response_class=Response)
    async def render(slot: str, request: Request) -> Response:
        """Render a slot with the query as its props; a repeated key is a list."""
        pairs = request.query_params
        props = {key: found if len(found := pairs.getlist(key)) > 1 else found[0] for key in pairs}
        return _rendered(request, await console.render(slot, props))

    @router.post("/slots/{slot}", response_class=Response)
    async def render_with(slot: str, request: Request) -> Response:
        """Render a slot with a JSON object as its props."""
        return _rendered(request, await console.render(slot, await _props(request)))

    return router


async def _props(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _BIGGEST:
            raise RequestInvalid(f"the props are larger than {_BIGGEST} bytes")
    try:
        props = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(f"the props are not JSON: {error}") from None
    if not isinstance(props, dict):
        raise RequestInvalid(f"the props are a JSON {type(props).__name__}, not an object")
    return props


def _slot(name: str, contributions: tuple[Contribution, ...]) -> Json:
    return {
        "slot": name,
        "contributions": [
            {"plugin": each.owner.plugin, "version": each.owner.version, "generation": each.owner.generation, "order": each.order}
            for each in contributions
        ],
    }


def _rendered(request: Request, rendered: Rendered) -> Response:
    if wants_html(request.headers.get("accept", "")):
        return HTMLResponse(to_html(rendered), headers=_HEADERS)
    items = [
        {"plugin": item.plugin, "version": item.version, "content": item.content, "content_type": item.content_type}
        for item in rendered.items
    ]
    errors = [
        {"plugin": failure.plugin, "version": failure.version, "code": failure.code, "detail": failure.detail}
        for failure in rendered.errors
    ]
    return JSONResponse({"slot": rendered.slot, "items": items, "errors": errors}, headers=_HEADERS)


def wants_html(accept: str) -> bool:
    """Whether HTML is preferred over JSON (RFC 9110, 12.5.1); without a preference it is JSON."""
    html = _wanted(accept, "text/html")
    return html[0] > 0 and html > _wanted(accept, "application/json")


def _wanted(accept: str, offered: str) -> tuple[float, int]:
    """How much it is wanted, as the most specific range that holds it says, and how specific that is."""
    ranges = ("*/*", f"{offered.partition('/')[0]}/*", offered)
    found = (0, 0.0)
    for part in accept.lower().split(","):
        kind, *parameters = (text.strip() for text in part.split(";"))
        if kind in ranges:
            found = max(found, (ranges.index(kind), next((_quality(text[2:]) for text in parameters if text.startswith("q=")), 1.0)))
    return found[1], found[0]


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
