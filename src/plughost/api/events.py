"""`/api/events`: what happens, as server-sent events (WHATWG HTML, 9.2) that resume by `Last-Event-ID`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse, Response

from plughost.api.console import Console
from plughost.errors import RequestInvalid
from plughost.http import ServerSentEvent, sse
from plughost.ledger import StoredEvent

_DIGITS = 40
"""An id of more digits is none."""


def routes(console: Console) -> APIRouter:
    """The event stream of operators, and the one of browser remotes."""
    router = APIRouter(prefix="/api", tags=["events"])

    @router.get("/events", response_class=Response)
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """What happens from now on, or from the event after `Last-Event-ID` on."""
        happened = await console.journal.listen(None if last_event_id is None else _number(last_event_id))
        return sse(_told(happened), stopping=console.stopping)

    @router.get("/plugins/events", response_class=Response)
    async def remotes_changed() -> Response:
        """Says `changed` whenever the list of browser remotes may have; this release carries none."""
        return sse(_silence(), stopping=console.stopping, headers={"Access-Control-Allow-Origin": "*"})

    @router.get("/plugins/enabled")
    async def remotes(request: Request) -> JSONResponse:
        """The browser remotes that enabled plugins carry; none in this release."""
        headers = {"Access-Control-Allow-Origin": "*", "ETag": '"none"', "Cache-Control": "no-cache"}
        return JSONResponse([], headers=headers | {"Link": f'<{request.scope["root_path"]}/api/plugins/events>; rel="monitor"'})

    return router


def _number(text: str) -> int:
    if not text.isdecimal() or len(text) > _DIGITS:
        raise RequestInvalid(f"Last-Event-ID {text[:_DIGITS]!r} is not the id of an event")
    return int(text)


async def _told(happened: AsyncIterator[StoredEvent]) -> AsyncIterator[ServerSentEvent]:
    async for event in happened:
        yield ServerSentEvent(id=str(event.id), event=event.kind, data=json.dumps(event.data))


async def _silence() -> AsyncIterator[ServerSentEvent]:
    await asyncio.Event().wait()
    yield ServerSentEvent()
