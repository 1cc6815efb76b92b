"""`/files/{sha256}/{filename}`: the bytes of wheels, and their METADATA (PEP 658).

An address names bytes by their hash, so it never changes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import partial
from typing import BinaryIO

from starlette.responses import FileResponse, Response

from plughost.errors import MethodNotAllowed, PlughostError, ReleaseGone
from plughost.http import problem_response
from plughost.types import ASGIScope, Receive, Send
from plugin_index import upstream
from plugin_index.errors import BlobMissing, BytesRevoked, FileQuarantined, NotServed
from plugin_index.gate import Gate
from plugin_index.negotiation import headers_of, unchanged
from plugin_index.nouns import File, Offer
from plugin_index.shelf import Shelf

PREFIX = "/files/"
CHUNK = 256 * 1024
"""Bytes that are read at once: what still is in the processor's cache when it is sent."""
_METADATA = ".metadata"
_TEXT, _BYTES = "text/plain; charset=utf-8", "application/octet-stream"


class Downloads:
    """`/files/` and all below it."""

    def __init__(self, shelf: Shelf, gate: Gate, passing: upstream.Files | None = None) -> None:
        self._shelf, self._gate, self._upstream = shelf, gate, passing

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send, path: str) -> None:
        """Answer; `path` begins below the prefix."""
        if scope["method"] not in {"GET", "HEAD"}:
            await problem_response(MethodNotAllowed(scope["method"], scope["path"], allowed=["GET", "HEAD"]))(scope, receive, send)
            return
        sha256, _, filename = path.partition("/")
        name, metadata = filename.removesuffix(_METADATA), filename.endswith(_METADATA)
        file = await self._shelf.file(sha256, name)
        offer = await self._upstream.offer(sha256, name) if self._upstream and file is None else None
        known = file or offer
        await self._gate.reader(scope, known.project if known else "")
        if self._upstream and offer:
            await self._passed(self._upstream, offer, scope, receive, send, metadata=metadata)
        elif file is None:
            raise NotServed(scope["path"])
        elif not file.offered:
            raise _withheld(file)
        elif metadata:
            await self._metadata(file, scope, receive, send)
        else:
            await self._blob(file.sha256, file.size, scope, receive, send)

    async def _passed(self, files: upstream.Files, offer: Offer, scope: ASGIScope, receive: Receive, send: Send, *, metadata: bool) -> None:
        """A file that a registry offers, once it is here."""
        kept = await (files.metadata(offer) if metadata else files.file(offer))
        if kept is None or await files.offer(offer.sha256, offer.filename) is None:
            raise NotServed(scope["path"])  # also where the name has become ours meanwhile
        await self._blob(*kept, scope, receive, send, media_type=_TEXT if metadata else _BYTES)

    async def _metadata(self, file: File, scope: ASGIScope, receive: Receive, send: Send) -> None:
        headers = self._immutable(file.metadata_sha256)
        if unchanged(headers_of(scope["headers"], b"if-none-match")[0], headers["ETag"]):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        text = await self._shelf.metadata(file.filename)
        await Response(text, media_type=_TEXT, headers=headers)(scope, receive, send)

    async def _blob(self, sha256: str, size: int, scope: ASGIScope, receive: Receive, send: Send, media_type: str = _BYTES) -> None:
        headers = self._immutable(sha256)
        known, ranges = headers_of(scope["headers"], b"if-none-match", b"range")
        if unchanged(known, headers["ETag"]):
            await Response(status_code=304, headers=headers)(scope, receive, send)
            return
        opened, first = await self._shelf.run(lambda: self._opened(sha256, size))
        with opened:
            if ranges:
                await _Whole(opened.name, media_type=media_type, headers=headers)(scope, receive, send)
                return
            raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
            raw += [(b"content-type", media_type.encode()), (b"content-length", str(size).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            async for chunk, more in self._chunks(opened, first, size):
                await send({"type": "http.response.body", "body": chunk, "more_body": more})

    def _immutable(self, sha256: str) -> dict[str, str]:
        """Headers of bytes that never change; who may read them once may keep them, caches between only where all may."""
        whose = "private" if self._gate.private else "public"
        return {
            "ETag": f'"{sha256}"',
            "Cache-Control": f"{whose}, max-age=31536000, immutable",
            "Accept-Ranges": "bytes",
            "X-Content-Type-Options": "nosniff",
        }

    def _opened(self, sha256: str, size: int) -> tuple[BinaryIO, bytes]:
        """The open blob, all of its bytes being there, and the first of them."""
        opened = self._shelf.blobs.open(sha256)
        if os.fstat(opened.fileno()).st_size != size:
            opened.close()
            raise BlobMissing(sha256)
        return opened, opened.read(min(CHUNK, size))

    async def _chunks(self, opened: BinaryIO, first: bytes, size: int) -> AsyncIterator[tuple[bytes, bool]]:
        """The bytes, and whether there are more."""
        chunk, left = first, size - len(first)
        while True:
            yield chunk, left > 0
            if left <= 0:
                return
            chunk = await self._shelf.run(partial(opened.read, min(CHUNK, left)))
            if not chunk:
                raise OSError(f"{opened.name} was cut short while it was sent")  # the answer has begun: it can only be cut
            left -= len(chunk)


class _Whole(FileResponse):
    chunk_size = CHUNK


def _withheld(file: File) -> PlughostError:
    if file.removed is not None:
        return ReleaseGone(file.filename)
    if file.revoked is not None:
        return BytesRevoked(file.filename, sha256=file.sha256, reason=file.revoked)
    return FileQuarantined(file.filename, reason=file.quarantined or "")
