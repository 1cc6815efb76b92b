"""`/api/operations`: every mutation, running or ended."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request

from plughost.api.answers import patience
from plughost.api.console import Console
from plughost.api.shapes import Json, operation_json

Limit = Annotated[int, Query(ge=1, le=500)]


def routes(console: Console) -> APIRouter:
    """The routes of `/api/operations`."""
    router = APIRouter(prefix="/api/operations", tags=["operations"])

    @router.get("")
    async def operations(
        limit: Limit = 50,
        plugin: str | None = None,
        state: Literal["running", "succeeded", "failed"] | None = None,
        page: Annotated[str | None, Query(alias="next")] = None,
    ) -> Json:
        """Operations, newest first; the answer's `next` asks for the page after this one."""
        rows = await console.ledger.operations(limit=limit, before=page, plugin=plugin, state=state)
        shape: Json = {"operations": [operation_json(console.operations.get(row.id) or row) for row in rows]}
        return shape | ({"next": rows[-1].id} if len(rows) == limit else {})

    @router.get("/{identifier}")
    async def operation(identifier: str, request: Request) -> Json:
        """One operation; `?wait=N` waits up to N seconds for its end."""
        running = await console.operations.wait(identifier, patience(request))
        return operation_json(running or await console.ledger.operation(identifier))

    return router
