"""`/files/{sha256}/{filename}`: the bytes of wheels, and their METADATA (PEP 658).

An address names bytes by their hash, so it never changes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import BinaryIO

from starlette.responses import FileResponse, Response

from plughost.errors import MethodNotAllowed, PlughostError, ReleaseGone
from plughost.http import problem_response
from plughost.types import ASGIScope, Receive, Send
from plugin_index.errors import BlobMissing, BytesRevoked, FileQuarantined, NotServed
from plugin_index.gate import Gate
from plugin_index.negotiation import headers_of, unchanged
from plugin_index.nouns import File
from plugin_index.shelf import Shelf

PREFIX = "/files/"
CHUNK = 1024 * 1024
"""Bytes that are read at once."""
_METADATA = ".metadata"


class Downloads:
    """`/files/` and all below it."""

    def __init__(self, shelf: Shelf, gate: Gate) -> None:
        self._shelf, self._gate = shelf, gate

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send, path: str) -> None:
        """Answer; `path` begins below the prefix."""
        if scope["method"] not in {"GET", "HEAD"}:
            await problem_response(MethodNotAllowed(scope["method"], scope["path"], allowed=["GET", "HEAD"]))(scope, receive, send)
            return
        sha256, _, filename = path.partition("/")
        file = await self._shelf.file(sha256, filename.removesuffix(_METADATA))
        await self._gate.reader(scope, file.project if file else "")
        if file is None:
            raise NotServed(scope["path"])
        if not file.offered:
            raise _withheld(file)
        if filename.endswith(_METADATA):
            await self._metadata(file, scope, receive, send)
        else:
            await self._wheel(file, scope, receive, send)

    async def _metadata(self, file: File, scope: ASGIScope, receive: Receive, send: Send) -> None:
        headers = _immutable(file.metadata_sha256)
        if unchanged(headers_of(scope["headers"], b"if-none-match")[0], headers["ETag"]):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        text = await self._shelf.metadata(file.filename)
        await Response(text, media_type="text/plain; charset=utf-8", headers=headers)(scope, receive, send)

    async def _wheel(self, file: File, scope: ASGIScope, receive: Receive, send: Send) -> None:
        headers = _immutable(file.sha256)
        known, ranges = headers_of(scope["headers"], b"if-none-match", b"range")
        if unchanged(known, headers["ETag"]):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        opened, first = await self._shelf.run(lambda: self._opened(file))
        with opened:
            if ranges:
                await _Whole(opened.name, media_type="application/octet-stream", headers=headers)(scope, receive, send)
                return
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            raw += [(b"content-type", b"application/octet-stream"), (b"content-length", str(file.size).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            async for chunk, more in self._chunks(opened, first, file.size):
                await send({"type": "http.response.body", "body": chunk, "more_body": more})

    def _opened(self, file: File) -> tuple[BinaryIO, bytes]:
        """The open blob, all of its bytes being there, and the first of them."""
        opened = self._shelf.blobs.open(file.sha256)
        if os.fstat(opened.fileno()).st_size != file.size:
            opened.close()
            raise BlobMissing(file.sha256)
        return opened, opened.read(CHUNK)

    async def _chunks(self, opened: BinaryIO, first: bytes, size: int) -> AsyncIterator[tuple[bytes, bool]]:
        """The bytes, and whether there are more."""
        chunk, left = first, size - len(first)
        while True:
            yield chunk, left > 0
            if left <= 0:
                return
            chunk = await self._shelf.run(lambda: opened.read(CHUNK))
            if not chunk:
                raise BlobMissing("that were being sent")
            left -= len(chunk)


class _Whole(FileResponse):
    chunk_size = CHUNK


def _withheld(file: File) -> PlughostError:
    if file.removed is not None:
        return ReleaseGone(file.filename)
    if file.revoked is not None:
        return BytesRevoked(file.filename, sha256=file.sha256, reason=file.revoked)
    return FileQuarantined(file.filename, reason=file.quarantined or "")


def _immutable(sha256: str) -> dict[str, str]:
    return {
        "ETag": f'"{sha256}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
    }
