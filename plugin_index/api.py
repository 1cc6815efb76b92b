"""`/api`: plugins, what is enabled, yanks, tokens, audit (contract §7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from annotated_types import MinLen
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, StringConstraints

from plughost.errors import RequestInvalid
from plughost.http import bearer_of, sse
from plugin_index.catalog import PluginList
from plugin_index.conditional import unchanged
from plugin_index.nouns import Action, Audit, File, Token
from plugin_index.shelf import Plugin, Shelf, now
from plugin_index.tokens import Tokens, demand

Json = dict[str, Any]
Reason = Annotated[str, StringConstraints(max_length=2000)]
Short = Annotated[str, StringConstraints(max_length=255)]
LARGEST = 2**63 - 1
"""The largest number that SQLite has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the API stands on."""

    shelf: Shelf
    tokens: Tokens
    listed: PluginList
    stopping: Callable[[], bool]


class Body(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


class EnableBody(Body):
    """Which version; empty follows the newest that is not yanked."""

    version: Annotated[str, StringConstraints(max_length=200)] = ""


class YankBody(Body):
    """One file of the release, or all of it."""

    filename: Short | None = None


class TokenBody(BaseModel):
    """What a token may do, for which projects; `expires` as RFC 3339, or seconds since the epoch."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    actions: Annotated[list[Literal["upload", "manage", "read", "admin"]], MinLen(1)]
    projects: Annotated[list[Short], MinLen(1)] = ["*"]
    expires: float | str | None = None


def routes(desk: Desk) -> APIRouter:
    """Everything below `/api`."""
    router = APIRouter(prefix="/api")
    _list(router, desk)
    _plugins(router, desk)
    _managing(router, desk)
    _tokens(router, desk)
    return router


def _list(router: APIRouter, desk: Desk) -> None:
    @router.head("/plugins/enabled", include_in_schema=False)
    @router.get("/plugins/enabled")
    async def enabled(request: Request) -> Response:
        """The plugin list."""
        listed = await desk.listed.now()
        monitor = f"{request.scope.get('root_path', '')}/api/plugins/events"
        headers = {
            "ETag": listed.etag,
            "Cache-Control": "no-cache",
            "Link": f'<{monitor}>; rel="monitor"',
            "Access-Control-Allow-Origin": "*",
        }
        if unchanged(request, listed.etag):
            return Response(status_code=304, headers=headers)
        return Response(listed.body, media_type="application/json", headers=headers)

    @router.get("/plugins/events", response_class=Response)
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Tells of each change of the list."""
        return sse(desk.listed.changes(last_event_id), stopping=desk.stopping)


def _plugins(router: APIRouter, desk: Desk) -> None:
    @router.get("/plugins")
    async def plugins(limit: Annotated[int, Query(ge=1, le=500)] = 100, page: Annotated[str, Query(alias="next")] = "") -> Json:
        """Every plugin, by name; the answer's `next` asks for the page after this one."""
        found = await desk.shelf.plugins(page, limit)
        shape: Json = {"plugins": [_plugin(each) for each in found]}
        return shape | ({"next": found[-1].name} if len(found) == limit else {})

    @router.get("/plugins/{name}")
    async def plugin(name: str) -> Json:
        """One plugin: its project, releases, files, and what is enabled by whom."""
        return _plugin(await desk.shelf.plugin(name))


def _managing(router: APIRouter, desk: Desk) -> None:
    @router.post("/plugins/{name}/enable")
    async def enable(name: str, request: Request, body: EnableBody | None = None) -> Json:
        """Every host that follows runs it; without a version the newest that is not yanked."""
        asked = body or EnableBody()
        token = await _allowed(desk, request, "manage", await desk.shelf.owner(name))
        await desk.shelf.enable(name, asked.version, _audit(request, token, "enable", name, asked.reason))
        return _plugin(await desk.shelf.plugin(name))

    @router.post("/plugins/{name}/disable")
    async def disable(name: str, request: Request, body: Body | None = None) -> Json:
        """No host runs it any more."""
        token = await _allowed(desk, request, "manage", await desk.shelf.owner(name))
        await desk.shelf.disable(name, _audit(request, token, "disable", name, (body or Body()).reason))
        return _plugin(await desk.shelf.plugin(name))

    @router.post("/projects/{project}/{version}/yank")
    async def yank(project: str, version: str, request: Request, body: YankBody | None = None) -> Json:
        """Never newly chosen any more; who asks for exactly this version still gets it (PEP 592)."""
        return await _yanked(desk, request, project, version, body or YankBody(), verb="yank")

    @router.post("/projects/{project}/{version}/unyank")
    async def unyank(project: str, version: str, request: Request, body: YankBody | None = None) -> Json:
        """As if it had never been yanked."""
        return await _yanked(desk, request, project, version, body or YankBody(), verb="unyank")

    @router.get("/audit")
    async def audit(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        page: Annotated[int | None, Query(alias="next", ge=0, le=LARGEST)] = None,
    ) -> Json:
        """Who did what, from where, why; newest first."""
        await _allowed(desk, request, "admin")
        rows = await desk.shelf.audit(limit, page)
        shape: Json = {"audit": [{**asdict(row), "at": _instant(row.at)} for row in rows]}
        return shape | ({"next": rows[-1].id} if len(rows) == limit else {})


def _tokens(router: APIRouter, desk: Desk) -> None:
    @router.get("/tokens")
    async def tokens(request: Request) -> Json:
        """All tokens, without their secrets."""
        await _allowed(desk, request, "admin")
        return {"tokens": [_token(token) for token in await desk.tokens.all()]}

    @router.post("/tokens", status_code=201)
    async def create(body: TokenBody, request: Request) -> Json:
        """A new token; its secret is in this answer and nowhere else."""
        holder = await _allowed(desk, request, "admin")
        audit = _audit(request, holder, "token.create", body.name)
        token, secret = await desk.tokens.create(body.name, body.actions, body.projects, _expiry(body.expires), audit)
        return {**_token(token), "token": secret}

    @router.post("/tokens/{identifier}/rotate")
    async def rotate(identifier: str, request: Request) -> Json:
        """A new secret; the old one is valid no more."""
        holder = await _allowed(desk, request, "admin")
        token, secret = await desk.tokens.rotate(identifier, _audit(request, holder, "token.rotate", identifier))
        return {**_token(token), "token": secret}

    @router.delete("/tokens/{identifier}", status_code=204)
    async def delete(identifier: str, request: Request) -> None:
        """The token is valid no more."""
        holder = await _allowed(desk, request, "admin")
        await desk.tokens.delete(identifier, _audit(request, holder, "token.delete", identifier))


async def _yanked(desk: Desk, request: Request, project: str, version: str, body: YankBody, *, verb: Literal["yank", "unyank"]) -> Json:
    name = canonicalize_name(project)
    token = await _allowed(desk, request, "manage", name)
    try:
        number = Version(version)
    except InvalidVersion:
        raise RequestInvalid(f"{version!r} is not a version") from None
    audit = _audit(request, token, verb, body.filename or f"{name} {version}", body.reason)
    await desk.shelf.yank(name, number, body.filename, body.reason if verb == "yank" else None, audit)
    return {"project": name, "releases": _releases(await desk.shelf.files(name))}


async def _allowed(desk: Desk, request: Request, action: Action, project: str | None = None) -> Token:
    token = await desk.tokens.holder(bearer_of(request.scope["headers"]), _origin(request))
    demand(token, action, project)
    return token


def _plugin(plugin: Plugin) -> Json:
    carrying = [file for file in plugin.files if plugin.name in file.plugins]
    enabled = plugin.enabled
    return {
        "name": plugin.name,
        "project": plugin.project,
        "releases": _releases(carrying),
        "enabled": enabled
        and {
            "specifier": enabled.specifier,
            "version": enabled.version,
            "by": enabled.by,
            "at": _instant(enabled.at),
            "reason": enabled.reason,
        },
    }


def _releases(files: Sequence[File]) -> list[Json]:
    versions = dict.fromkeys(file.version for file in files)
    return [{"version": version, "files": [_file(file) for file in files if file.version == version]} for version in versions]


def _file(file: File) -> Json:
    return {
        "filename": file.filename,
        "sha256": file.sha256,
        "size": file.size,
        "uploaded": _instant(file.uploaded),
        "uploader": file.uploader,
        "requires_python": file.requires_python,
        "entry_points": dict(file.plugins),
        "yanked": file.yanked,
    }


def _token(token: Token) -> Json:
    return {
        "id": token.id,
        "name": token.name,
        "actions": list(token.actions),
        "projects": list(token.projects),
        "created": _instant(token.created),
        "expires": _instant(token.expires),
        "used": _instant(token.used),
    }


def _expiry(given: float | str | None) -> float | None:
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise RequestInvalid(f"expires={given!r} is neither RFC 3339 nor seconds since the epoch") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _audit(request: Request, token: Token, verb: str, subject: str, reason: str = "") -> Audit:
    return Audit(at=now(), by=token.name, verb=verb, subject=subject, origin=_origin(request), reason=reason)


def _origin(request: Request) -> str:
    return request.client.host if request.client else ""


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
