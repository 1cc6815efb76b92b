"""What operators do: which plugins run, and what becomes of releases. Each change is in the audit trail, with who, from where and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from packaging.utils import canonicalize_name
from pydantic import StringConstraints

from plugin_index import changes
from plugin_index.api.desk import Body, Desk, Json, Short, audited, parsed_version
from plugin_index.api.shapes import plugin_shape, release_shapes
from plugin_index.changes import Release
from plugin_index.nouns import File, Revocation, instant
from plugin_index.shelf import now
from plugin_index.storage import Rows

Mark = Callable[[File, str], File]
"""(file, reason) → the file as it is from now on."""


class EnableBody(Body):
    """Which version; empty follows the newest that is not yanked."""

    version: Annotated[str, StringConstraints(max_length=200)] = ""


class FileBody(Body):
    """One file of the release, or all of it."""

    filename: Short | None = None


class RevokeBody(Body):
    """Bytes that need not be here."""

    sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


def add_managing(router: APIRouter, desk: Desk) -> None:
    """The routes."""
    _plugins(router, desk)
    _marks(router, desk)
    _removal(router, desk)
    _revocation(router, desk)


def _plugins(router: APIRouter, desk: Desk) -> None:
    @router.post("/plugins/{name}/enable")
    async def enable(name: str, request: Request, body: EnableBody | None = None) -> Json:
        """Every host that follows runs it; without a version the newest that is not yanked."""
        asked = body or EnableBody()
        token = await desk.manager(request, name)
        await desk.shelf.change(changes.enable(name, asked.version, audited(request, token, "enable", name, asked.reason)))
        return plugin_shape(await desk.shelf.plugin(name))

    @router.post("/plugins/{name}/disable")
    async def disable(name: str, request: Request, body: Body | None = None) -> Json:
        """No host runs it any more."""
        token = await desk.manager(request, name)
        await desk.shelf.change(changes.disable(name, audited(request, token, "disable", name, (body or Body()).reason)))
        return plugin_shape(await desk.shelf.plugin(name))


def _marks(router: APIRouter, desk: Desk) -> None:
    def add(verb: str, said: str, mark: Mark) -> None:
        @router.post(f"/projects/{{project}}/{{version}}/{verb}", name=verb, description=said, operation_id=verb)
        async def marked(project: str, version: str, request: Request, body: FileBody | None = None) -> Json:
            return await _marked(desk, request, verb, _release(project, version, body), (body or FileBody()).reason, mark)

    add("yank", _YANK, lambda file, reason: replace(file, yanked=reason))
    add("unyank", "As if it had never been yanked.", lambda file, _: replace(file, yanked=None))
    add("quarantine", _QUARANTINE, lambda file, reason: replace(file, quarantined=reason))
    add("unquarantine", "As if it had never been quarantined.", lambda file, _: replace(file, quarantined=None))


_YANK = "Never newly chosen any more; who asks for exactly this version still gets it (PEP 592)."
_QUARANTINE = "Nobody gets it until it has been looked at: it is on no page, its files are not found."


def _removal(router: APIRouter, desk: Desk) -> None:
    @router.delete("/projects/{project}/{version}")
    async def remove(
        project: str,
        version: str,
        request: Request,
        filename: Annotated[str | None, Query(max_length=255)] = None,
        reason: Annotated[str, Query(max_length=2000)] = "",
    ) -> Json:
        """Gone for good; its file names stay taken for ever, its bytes are collected after a while."""
        release = Release(project=canonicalize_name(project), version=parsed_version(version), filename=filename)
        at = now()
        return await _marked(desk, request, "remove", release, reason, lambda file, _: replace(file, removed=at))


def _revocation(router: APIRouter, desk: Desk) -> None:
    @router.post("/projects/{project}/{version}/revoke")
    async def revoke(project: str, version: str, request: Request, body: FileBody | None = None) -> Json:
        """No host may run these bytes any more: what contains them is stopped, and they are offered to nobody."""
        release = _release(project, version, body)
        token = await desk.allowed(request, "manage", release.project)
        audit = audited(request, token, "revoke", _subject(release), (body or FileBody()).reason)
        await desk.shelf.change(changes.revoked(release, audit))
        return await _shown(desk, release)

    @router.post("/revoked")
    async def revoke_bytes(body: RevokeBody, request: Request) -> Json:
        """The same for bytes that need not be on this index: a dependency from elsewhere, say."""
        token = await desk.allowed(request, "admin")
        audit = audited(request, token, "revoke", body.sha256, body.reason)
        await desk.shelf.change(changes.revoked_bytes(body.sha256, audit))
        return _revocation_shape(await desk.shelf.read(lambda rows: _of(rows, body.sha256)))


async def _marked(desk: Desk, request: Request, verb: str, release: Release, reason: str, mark: Mark) -> Json:
    token = await desk.allowed(request, "manage", release.project)
    audit = audited(request, token, verb, _subject(release), reason)
    await desk.shelf.change(changes.marked(release, lambda file: mark(file, reason), audit))
    return await _shown(desk, release)


async def _shown(desk: Desk, release: Release) -> Json:
    return {"project": release.project, "releases": release_shapes(await desk.shelf.files(release.project))}


def _release(project: str, version: str, body: FileBody | None) -> Release:
    return Release(project=canonicalize_name(project), version=parsed_version(version), filename=body.filename if body else None)


def _subject(release: Release) -> str:
    return release.filename or f"{release.project} {release.version}"


def _of(rows: Rows, sha256: str) -> Revocation:
    return next(each for each in rows.revoked() if each.sha256 == sha256)


def _revocation_shape(revocation: Revocation) -> Json:
    return {"sha256": revocation.sha256, "reason": revocation.reason, "by": revocation.by, "at": instant(revocation.at)}
