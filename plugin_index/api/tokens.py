"""Tokens and the audit trail: for who has `admin`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Literal

from annotated_types import MinLen
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, StringConstraints

from plughost.errors import RequestInvalid
from plugin_index.api.desk import LARGEST, Desk, Json, Short, audited
from plugin_index.api.shapes import token_shape
from plugin_index.nouns import instant


class TokenBody(BaseModel):
    """What a token may do, for which projects; `expires` as RFC 3339, or seconds since the epoch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    actions: Annotated[list[Literal["upload", "manage", "read", "admin"]], MinLen(1)]
    projects: Annotated[list[Short], MinLen(1)] = ["*"]
    expires: float | Short | None = None


def add_tokens(router: APIRouter, desk: Desk) -> None:
    """The routes."""
    _making(router, desk)
    _trail(router, desk)


def _making(router: APIRouter, desk: Desk) -> None:
    @router.get("/tokens")
    async def tokens(request: Request) -> Json:
        """All tokens, without their secrets."""
        await desk.allowed(request, "admin")
        return {"tokens": [token_shape(token) for token in await desk.tokens.all()]}

    @router.post("/tokens", status_code=201)
    async def create(body: TokenBody, request: Request) -> Json:
        """A new token; its secret is in this answer and nowhere else."""
        holder = await desk.allowed(request, "admin")
        audit = audited(request, holder, "token.create", body.name)
        token, secret = await desk.tokens.create(body.name, body.actions, body.projects, _expiry(body.expires), audit)
        return {**token_shape(token), "token": secret}

    @router.post("/tokens/{identifier}/rotate")
    async def rotate(identifier: str, request: Request) -> Json:
        """A new secret; the old one is valid no more."""
        holder = await desk.allowed(request, "admin")
        token, secret = await desk.tokens.rotate(identifier, audited(request, holder, "token.rotate", identifier))
        return {**token_shape(token), "token": secret}

    @router.delete("/tokens/{identifier}", status_code=204)
    async def delete(identifier: str, request: Request) -> None:
        """The token is valid no more."""
        holder = await desk.allowed(request, "admin")
        await desk.tokens.delete(identifier, audited(request, holder, "token.delete", identifier))


def _trail(router: APIRouter, desk: Desk) -> None:
    @router.get("/audit")
    async def audit(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        page: Annotated[int | None, Query(alias="next", ge=0, le=LARGEST)] = None,
    ) -> Json:
        """Who did what, from where, why; newest first."""
        await desk.allowed(request, "admin")
        rows = await desk.shelf.audit(limit, page)
        shape: Json = {"audit": [{**asdict(row), "at": instant(row.at)} for row in rows]}
        return shape | ({"next": rows[-1].id} if len(rows) == limit else {})


def _expiry(given: float | str | None) -> float | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else datetime.fromtimestamp(given, UTC)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        instant(seconds)  # in UTC it may be before the year 1, or after 9999
    except (ValueError, OverflowError, OSError):
        raise RequestInvalid(f"expires={given!r} is neither RFC 3339 nor seconds since the epoch") from None
    return seconds
