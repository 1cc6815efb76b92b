"""`/api`: plugins, what is enabled, yanks, tokens, audit (contract §7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, StringConstraints

from plughost.errors import RequestInvalid
from plughost.http import bearer_of, sse
from plugin_index.catalog import PluginList, chosen, demand_release
from plugin_index.nouns import Action, Audit, Enabled, File, Token
from plugin_index.shelf import Shelf, now
from plugin_index.tokens import Tokens, demand

Json = dict[str, Any]
Reason = Annotated[str, StringConstraints(max_length=2000)]


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

    filename: str | None = None


class TokenBody(BaseModel):
    """What a token may do, for which projects."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    actions: list[Literal["upload", "manage", "read", "admin"]]
    projects: list[str] = ["*"]
    expires: float | None = None


def routes(desk: Desk) -> APIRouter:
    """Everything below `/api`."""
    router = APIRouter(prefix="/api")
    _list(router, desk)
    _plugins(router, desk)
    _managing(router, desk)
    _tokens(router, desk)
    return router


def _list(router: APIRouter, desk: Desk) -> None:
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
        if request.headers.get("if-none-match") == listed.etag:
            return Response(status_code=304, headers=headers)
        return Response(listed.body, media_type="application/json", headers=headers)

    @router.get("/plugins/events", response_class=Response)
    async def events(last_event_id: Annotated[str | None, Header()] = None) -> Response:
        """Tells of each change of the list."""
        return sse(desk.listed.changes(last_event_id), stopping=desk.stopping)


def _plugins(router: APIRouter, desk: Desk) -> None:
    @router.get("/plugins")
    async def plugins() -> Json:
        """Every plugin."""
        enabled = await desk.shelf.enabled()
        found = await desk.shelf.plugins()
        return {"plugins": [_plugin(name, project, await desk.shelf.files(project), enabled.get(name)) for name, project in found.items()]}

    @router.get("/plugins/{name}")
    async def plugin(name: str) -> Json:
        """One plugin: its project, releases, files, and what is enabled by whom."""
        project = await desk.shelf.owner(name)
        return _plugin(name, project, await desk.shelf.files(project), (await desk.shelf.enabled()).get(name))


def _managing(router: APIRouter, desk: Desk) -> None:
    @router.post("/plugins/{name}/enable")
    async def enable(name: str, request: Request, body: EnableBody | None = None) -> Json:
        """Every host that follows runs it; without a version the newest that is not yanked."""
        asked = body or EnableBody()
        project = await desk.shelf.owner(name)
        token = await _allowed(desk, request, "manage", project)
        files = await desk.shelf.files(project)
        demand_release(name, files, asked.version)
        entry = Enabled(plugin=name, specifier=asked.version, by=token.name, at=now(), reason=asked.reason)
        await desk.shelf.enable(entry, _origin(request))
        return _plugin(name, project, files, entry)

    @router.post("/plugins/{name}/disable")
    async def disable(name: str, request: Request, body: Body | None = None) -> Json:
        """No host runs it any more."""
        project = await desk.shelf.owner(name)
        token = await _allowed(desk, request, "manage", project)
        await desk.shelf.disable(name, _audit(request, token, "disable", name, (body or Body()).reason))
        return _plugin(name, project, await desk.shelf.files(project), None)

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
        request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50, page: Annotated[int | None, Query(alias="next")] = None
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
        token, secret = await desk.tokens.create(body.name, body.actions, body.projects, body.expires, audit)
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
    token = await _allowed(desk, request, "manage", project)
    try:
        Version(version)
    except InvalidVersion:
        raise RequestInvalid(f"{version!r} is not a version") from None
    audit = _audit(request, token, verb, f"{project} {version}", body.reason)
    await desk.shelf.yank(project, version, body.filename, body.reason if verb == "yank" else None, audit)
    return {"project": project, "releases": _releases(await desk.shelf.files(project))}


async def _allowed(desk: Desk, request: Request, action: Action, project: str | None = None) -> Token:
    token = await desk.tokens.holder(bearer_of(request.scope["headers"]), _origin(request))
    demand(token, action, project)
    return token


def _plugin(name: str, project: str, files: Sequence[File], enabled: Enabled | None) -> Json:
    carrying = [file for file in files if name in file.plugins]
    shape: Json = {"name": name, "project": project, "releases": _releases(carrying), "enabled": None}
    if enabled:
        release = chosen(name, carrying, enabled.specifier)
        shape["enabled"] = {
            "specifier": enabled.specifier,
            "version": release[0].version if release else None,
            "by": enabled.by,
            "at": _instant(enabled.at),
            "reason": enabled.reason,
        }
    return shape


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


def _audit(request: Request, token: Token, verb: str, subject: str, reason: str = "") -> Audit:
    return Audit(at=now(), by=token.name, verb=verb, subject=subject, origin=_origin(request), reason=reason)


def _origin(request: Request) -> str:
    return request.client.host if request.client else ""


def _instant(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
