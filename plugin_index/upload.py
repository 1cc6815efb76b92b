"""Uploads as twine and its kind send them: a multipart form, read while it streams, hashed while it is written.

The wheel is the truth, the form is not. Everything that blocks runs in a thread; of the body no more than a chunk is ever in
memory. What is refused leaves nothing behind.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request
from starlette.responses import Response

from plughost.errors import DigestMismatch, DiskFull, NotAWheel, PlughostError, TokenInvalid, WheelTooLarge
from plughost.http import bearer_of, reason_phrase
from plughost.wheel import WheelFacts, inspect, plugin_entries, plugin_name
from plugin_index.errors import ActionGone, FormLies, TokenRefused, UploadInvalid
from plugin_index.nouns import File, Token
from plugin_index.shelf import Shelf, now
from plugin_index.tokens import Tokens, demand

FORM_CAP = 1024 * 1024
"""Bytes of all form fields together but the file; they are held in memory."""
_DIGESTS = ("md5", "sha256", "blake2_256")


class Uploads:
    """`POST /legacy/`."""

    def __init__(self, shelf: Shelf, tokens: Tokens, *, max_size: int) -> None:
        self._shelf, self._tokens, self._max_size = shelf, tokens, max_size

    async def take(self, request: Request) -> Response:
        """200 and nothing, or the reason: as JSON, and as the reason phrase, which is all that some clients print."""
        try:
            await self._taken(request)
        except PlughostError as error:
            return refusal(error)
        return Response()

    async def _taken(self, request: Request) -> None:
        token = await self._holder(request)
        if int(request.headers.get("content-length") or 0) > self._max_size + FORM_CAP:
            raise WheelTooLarge("the upload", cap=self._max_size)
        boundary = parse_options_header(request.headers.get("content-type", ""))[1].get(b"boundary")
        if boundary is None:
            raise UploadInvalid("its Content-Type names no multipart boundary")
        form = Form(boundary, self._shelf.incoming(), cap=self._max_size)
        try:
            await self._shelf.run(form.open)
            async for chunk in request.stream():
                await self._shelf.run(lambda chunk=chunk: form.feed(chunk))  # type: ignore[misc]  # bound at once
            await self._shelf.run(form.close)
            file = await self._shelf.run(lambda: _checked(form, token))
            await self._shelf.keep(form.path, file, _address(request))
        finally:
            await self._shelf.run(form.discard)

    async def _holder(self, request: Request) -> Token:
        try:
            token = await self._tokens.holder(bearer_of(request.scope["headers"]), _address(request))
        except TokenInvalid:
            raise TokenRefused("the token is unknown or has expired") from None
        if not token.may("upload"):
            raise TokenRefused(f"the token {token.name!r} may not upload")
        return token


class Form:
    """The form of one upload, fed chunk by chunk: fields in memory, `content` on disk."""

    def __init__(self, boundary: bytes, path: Path, *, cap: int) -> None:
        self.path, self._cap = path, cap
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.size, self._held = 0, 0
        self._hashes: dict[str, Any] = {
            "md5": hashlib.md5(usedforsecurity=False),
            "sha256": hashlib.sha256(),
            "blake2_256": hashlib.blake2b(digest_size=32),
        }
        self._headers: dict[bytes, bytes] = {}
        self._header = (b"", b"")
        self._name, self._value = "", bytearray()
        self._sink: BinaryIO | None = None
        self._ended = False
        callbacks = {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._head(field=data[start:end]),
            "on_header_value": lambda data, start, end: self._head(value=data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_end,
            "on_part_data": lambda data, start, end: self._data(data[start:end]),
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]  # callables by name

    @property
    def digests(self) -> Mapping[str, str]:
        """What the file's bytes are."""
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}

    def open(self) -> None:
        """Make room for the file."""
        self._sink = self.path.open("xb")

    def feed(self, chunk: bytes) -> None:
        """Some more of the body; raises UploadInvalid, WheelTooLarge or DiskFull."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise UploadInvalid(str(error)) from None
        except OSError:
            raise DiskFull(str(self.path.parent)) from None

    def close(self) -> None:
        """The body has ended; raises UploadInvalid where it was cut off, or holds no file."""
        if not self._ended:
            raise UploadInvalid("the form is cut off")
        if self.filename is None:
            raise UploadInvalid("it has no file in 'content'")
        if self._sink is not None:
            self._sink.close()

    def discard(self) -> None:
        """Leave nothing behind; what was kept has been moved away already."""
        if self._sink is not None:
            self._sink.close()
        self.path.unlink(missing_ok=True)

    def _begin(self) -> None:
        self._headers, self._header, self._value = {}, (b"", b""), bytearray()

    def _head(self, *, field: bytes = b"", value: bytes = b"") -> None:
        self._count(len(field) + len(value))
        self._header = (self._header[0] + field, self._header[1] + value)

    def _header_end(self) -> None:
        self._headers[self._header[0].lower()] = self._header[1]
        self._header = (b"", b"")

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name == "content":
            if self.filename is not None:
                raise UploadInvalid("it has more than one file")
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace").rpartition("/")[2]

    def _data(self, data: bytes) -> None:
        if self._name != "content":
            self._count(len(data))
            self._value += data
            return
        self.size += len(data)
        if self.size > self._cap:
            raise WheelTooLarge(self.filename or "the file", cap=self._cap)
        for digest in self._hashes.values():
            digest.update(data)
        if self._sink is not None:
            self._sink.write(data)

    def _part_end(self) -> None:
        if self._name != "content":
            self.fields.setdefault(self._name, self._value.decode("utf-8", "replace"))

    def _end(self) -> None:
        self._ended = True

    def _count(self, size: int) -> None:
        self._held += size
        if self._held > FORM_CAP:
            raise UploadInvalid(f"its fields are larger than {FORM_CAP} bytes together")


def refusal(error: PlughostError) -> Response:
    """As index.md says: JSON with exactly that Content-Type, and the reason phrase."""
    headers = {"x-reason": reason_phrase(error.detail.encode("latin-1", "replace")).decode("latin-1")}
    if error.status == 401:  # noqa: PLR2004 - Unauthorized
        headers["WWW-Authenticate"] = 'Basic realm="plugin-index"'
    title = error.code.replace("-", " ").capitalize()
    body = json.dumps({"message": error.detail, "code": f"{error.code}: {error.detail}", "title": title})  # uv shows the code alone
    status = 400 if error.status == 422 else error.status  # noqa: PLR2004 - clients know what a 400 is
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _checked(form: Form, token: Token) -> File:
    """The file as the wheel says it is; raises what is wrong with it."""
    action = form.fields.get(":action", "file_upload")
    if action != "file_upload":
        raise ActionGone(action)
    filename = form.filename or ""
    if not filename.endswith(".whl"):
        raise NotAWheel(filename or "the file", "this index takes wheels only, no source distributions")
    for name in _DIGESTS:
        promised = form.fields.get(f"{name}_digest", "").lower()
        if promised and promised != form.digests[name]:
            raise DigestMismatch(filename, promised=promised, got=form.digests[name])
    facts = inspect(form.path, filename, check_fit=False)
    demand(token, "upload", facts.name.project)
    _agree(form.fields, facts)
    plugins = {plugin_name(name): value for name, value in plugin_entries(facts.entry_points).items()}
    return File(
        filename=filename,
        project=facts.name.project,
        version=facts.name.version,
        sha256=form.digests["sha256"],
        size=form.size,
        uploaded=now(),
        uploader=token.name,
        requires_python=facts.metadata.requires_python or None,
        metadata=facts.metadata.text,
        summary=facts.metadata.summary or "",
        plugins=plugins,
    )


def _agree(fields: Mapping[str, str], facts: WheelFacts) -> None:
    """Raise FormLies where the form says something else than the wheel; what it does not say is no lie."""
    said, is_ = fields.get("name"), facts.name.project
    if said and canonicalize_name(said) != is_:
        raise FormLies("name", form=said, wheel=is_)
    said = fields.get("version")
    if said and not _same_version(said, facts.name.version):
        raise FormLies("version", form=said, wheel=facts.name.version)
    said, python = fields.get("requires_python"), facts.metadata.requires_python or ""
    if said and said.replace(" ", "") != str(python).replace(" ", ""):
        raise FormLies("requires_python", form=said, wheel=str(python))


def _same_version(one: str, other: str) -> bool:
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
