"""Sources, tokens, audit, health, and what this release answers plainly that it cannot."""

from __future__ import annotations

import asyncio
import secrets
import time
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from plughost.api.answers import caller
from plughost.api.bodies import TokenBody
from plughost.api.console import Console
from plughost.api.operations import Limit
from plughost.api.shapes import Json, audit_json, source_json, token_json
from plughost.errors import NotYet, RequestInvalid
from plughost.http import hash_token, new_token
from plughost.ledger import Audit, Role, Token

Page = Annotated[int | None, Query(alias="next", ge=1, le=2**63 - 1)]


def routes(console: Console) -> APIRouter:
    """The routes of sources, tokens, audit and health."""
    router = APIRouter()
    _sources(router, console)
    _tokens(router, console)
    _audit(router, console)
    return router


def _sources(router: APIRouter, console: Console) -> None:
    @router.get("/api/sources", tags=["sources"])
    async def sources() -> Json:
        """What each source says."""
        return {"sources": [source_json(console, follower.state) for follower in console.followers]}

    @router.post("/api/sources/refresh", tags=["sources"])
    async def refresh() -> Json:
        """Look at every source now."""
        seen = await asyncio.gather(*(follower.refresh() for follower in console.followers))
        return {"sources": [source_json(console, state) for state in seen]}

    @router.post("/api/pause", tags=["sources"])
    @router.post("/api/unpause", tags=["sources"])
    async def pause() -> Response:
        """Not in this release."""
        raise NotYet("pausing")


def _tokens(router: APIRouter, console: Console) -> None:
    @router.get("/api/tokens", tags=["tokens"])
    async def tokens() -> Json:
        """The host's tokens, without their secrets."""
        return {"tokens": [token_json(token) for token in await console.ledger.tokens()]}

    @router.post("/api/tokens", tags=["tokens"], status_code=201)
    async def create(body: TokenBody, request: Request) -> Json:
        """A new token; its secret is in this answer and nowhere else."""
        token, secret = make_token(body.name, body.role, _expiry(body.expires))
        await console.ledger.add_token(token, _audited(request, "token.create", {"id": token.id, "name": token.name, "role": token.role}))
        return {**token_json(token), "token": secret}

    @router.delete("/api/tokens/{identifier}", tags=["tokens"], status_code=204)
    async def delete(identifier: str, request: Request) -> None:
        """The token is valid no more."""
        await console.ledger.delete_token(identifier, _audited(request, "token.delete", {"id": identifier}))


def _audit(router: APIRouter, console: Console) -> None:
    @router.get("/api/audit", tags=["audit"])
    async def audit(limit: Limit = 50, plugin: str | None = None, page: Page = None) -> Json:
        """Who did what, when, from where, why; newest first."""
        rows = await console.ledger.audit(limit=limit, before=page, plugin=plugin)
        shape: Json = {"audit": [audit_json(row) for row in rows]}
        return shape | ({"next": rows[-1].id} if len(rows) == limit else {})


def health(console: Console) -> APIRouter:
    """`/healthz` and `/readyz`, which an embedding application may have of its own."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def alive() -> Json:
        """The process answers."""
        return {"status": "alive"}

    @router.get("/readyz")
    async def ready() -> JSONResponse:
        """Every plugin that should run has served once or failed, and each source was asked once."""
        well = console.ready() and not console.stopping()
        waiting = [actor.name for actor in console.actors.all() if not actor.settled.is_set()]
        shape = {"status": "ready" if well else "stopping" if console.stopping() else "starting", "waiting": waiting}
        return JSONResponse(shape, status_code=200 if well else 503)

    return router


def make_token(name: str, role: Role, expires: float | None = None) -> tuple[Token, str]:
    """A token's row, and the secret that is told once."""
    secret = new_token("plughost")
    row = Token(id=secrets.token_hex(6), name=name, role=role, hash=hash_token(secret), created=time.time(), expires=expires, used=None)
    return row, secret


def _expiry(given: float | str | None) -> float | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise RequestInvalid(f"expires={given!r} is neither RFC 3339 nor seconds since the epoch") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _audited(request: Request, verb: str, detail: Json) -> Audit:
    who = caller(request)
    return Audit(at=time.time(), by=who.by, verb=verb, plugin=None, detail=detail, origin=who.origin, reason="")
