"""Uploads as twine and its kind send them: `POST /legacy/`.

The wheel is the truth, the form is not. Everything that blocks runs in a thread; of the body no more than a chunk is ever in
memory. What is refused leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from plughost.errors import NotAWheel, PlughostError, TokenInvalid, TokenMissing, TooManyFailures, WheelTooLarge
from plughost.http import bearer_of, say_reason
from plughost.wheel import WheelFacts, inspect, plugin_entries, plugin_name
from plugin_index.bodies import Pace
from plugin_index.errors import ActionGone, FormLies, TokenRefused, UploadAnonymous, UploadDamaged, UploadInvalid, UploadTooSlow
from plugin_index.form import DIGESTS, REST, Form
from plugin_index.gate import address_of
from plugin_index.nouns import File, Token
from plugin_index.shelf import Shelf, now
from plugin_index.tokens import Tokens, demand


class Uploads:
    """`POST /legacy/`."""

    def __init__(self, shelf: Shelf, tokens: Tokens, *, max_size: int, pace: Pace) -> None:
        self._shelf, self._tokens, self._max_size, self._pace = shelf, tokens, max_size, pace

    async def take(self, request: Request) -> Response:
        """200 and nothing, or the reason: as JSON, and as the reason phrase, which is all that some clients print."""
        try:
            await self._taken(request)
        except PlughostError as error:
            say_reason(request.scope, error.detail)
            return refusal(error)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        return Response()

    async def _taken(self, request: Request) -> None:
        token = await self._holder(request)
        if int(request.headers.get("content-length") or 0) > self._max_size + REST:
            raise WheelTooLarge("the upload", cap=self._max_size)
        boundary = parse_options_header(request.headers.get("content-type", ""))[1].get(b"boundary")
        if not boundary:
            raise UploadInvalid("its Content-Type names no multipart boundary")
        form = Form(boundary, self._shelf.blobs.incoming(), cap=self._max_size)
        try:
            await self._read(form, request)
            file, metadata = await self._shelf.check(lambda: _checked(form, token))
            await self._shelf.keep(form.path, file, metadata, address_of(request.scope))
        finally:
            await self._shelf.run(form.discard)

    async def _read(self, form: Form, request: Request) -> None:
        await self._shelf.run(form.open)
        async for chunk in self._paced(request):
            await self._shelf.run(lambda chunk=chunk: form.feed(chunk))  # type: ignore[misc]  # bound at once
        await self._shelf.run(form.close)

    async def _paced(self, request: Request) -> AsyncIterator[bytes]:
        """The body as it comes; raises UploadTooSlow where it does not."""
        clock, body = asyncio.get_running_loop().time, request.stream()
        until = clock() + self._pace.deadline
        while True:
            try:
                async with asyncio.timeout_at(min(clock() + self._pace.silence, until)):
                    chunk = await anext(body, None)
            except TimeoutError:
                raise UploadTooSlow(silence=self._pace.silence, deadline=self._pace.deadline) from None
            if chunk is None:
                return
            yield chunk

    async def _holder(self, request: Request) -> Token:
        try:
            token = await self._tokens.holder(bearer_of(request.scope["headers"]), address_of(request.scope))
        except TokenMissing:
            raise UploadAnonymous from None
        except TokenInvalid:
            raise TokenRefused("the token is unknown or has expired") from None
        if not token.may("upload"):
            raise TokenRefused(f"the token {token.name!r} may not upload")
        return token


def refusal(error: PlughostError) -> Response:
    """JSON with exactly that Content-Type: uv reads no other."""
    headers = {"WWW-Authenticate": 'Basic realm="plugin-index"'} if error.status == 401 else {}  # noqa: PLR2004 - Unauthorized
    if isinstance(error, TooManyFailures):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UploadTooSlow):
        headers["Connection"] = "close"  # the rest of it is not waited for
    title = error.code.replace("-", " ").capitalize()
    body = json.dumps({"message": error.detail, "code": f"{error.code}: {error.detail}", "title": title})  # uv shows the code alone
    status = 400 if error.status == 422 else error.status  # noqa: PLR2004 - clients know what a 400 is
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _checked(form: Form, token: Token) -> tuple[File, bytes]:
    """The file as the wheel says it is, and its METADATA; raises what is wrong with it."""
    filename = _announced(form)
    facts = inspect(form.path, filename, check_fit=False)
    demand(token, "upload", facts.name.project)
    _agree(form, facts)
    file = File(
        filename=filename,
        project=facts.name.project,
        version=facts.name.version,
        sha256=form.digests["sha256"],
        size=form.size,
        uploaded=now(),
        uploader=token.name,
        requires_python=str(facts.metadata.requires_python or "") or None,
        metadata_sha256=hashlib.sha256(facts.metadata.text).hexdigest(),
        summary=facts.metadata.summary or "",
        plugins={plugin_name(name): value for name, value in plugin_entries(facts.entry_points).items()},
    )
    return file, facts.metadata.text


def _announced(form: Form) -> str:
    """The file's name, if the form is an upload of a wheel whose bytes arrived as they were sent."""
    action = form.field(":action") or "file_upload"
    if action != "file_upload":
        raise ActionGone(action)
    filename = form.filename or ""
    if not filename.endswith(".whl"):
        raise NotAWheel(filename or "the file", "this index takes wheels only, no source distributions")
    for name in DIGESTS:
        promised = (form.field(f"{name}_digest") or "").lower()
        if promised and promised != form.digests[name]:
            raise UploadDamaged(filename, kind=name, form=promised, got=form.digests[name])
    return filename


def _agree(form: Form, facts: WheelFacts) -> None:
    """Raise FormLies where the form says something else than the wheel; what it does not say is no lie."""
    said, project = form.field("name"), facts.name.project
    if said and canonicalize_name(said) != project:
        raise FormLies("name", form=said, wheel=project)
    said, version = form.field("version"), facts.name.version
    if said and not _same_version(said, version):
        raise FormLies("version", form=said, wheel=version)
    said, python = form.field("requires_python"), str(facts.metadata.requires_python or "")
    if said and said.replace(" ", "") != python.replace(" ", ""):
        raise FormLies("requires_python", form=said, wheel=python)
    required = form.fields("requires_dist")
    if required and _requirements(required) != _requirements(facts.metadata.requires):
        raise FormLies("requires_dist", form=", ".join(required), wheel=", ".join(facts.metadata.requires))


def _requirements(texts: Iterable[str]) -> frozenset[tuple[str, SpecifierSet]]:
    """Names and versions alone: clients write markers and extras in different ways."""
    try:
        parsed = [Requirement(text) for text in texts]
        return frozenset((canonicalize_name(each.name), each.specifier) for each in parsed)
    except ValueError as error:  # no requirement, or a number too long for Python
        raise UploadInvalid(f"a requirement cannot be read: {error}") from None


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except ValueError:  # no version, or a number too long for Python
        return False
