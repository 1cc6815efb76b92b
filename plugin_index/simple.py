"""The simple repository API: `/simple/`, as an ASGI application of its own, because it is asked more often than all the rest.

A page is rendered and compressed once for each change of its project, and kept compressed. `must-revalidate`, so that a yank is
seen at once.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, quote

from packaging.utils import canonicalize_name
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from plughost.errors import MethodNotAllowed
from plughost.http import problem_response
from plughost.types import ASGIScope, Receive, Send
from plugin_index import links, upstream
from plugin_index.gate import Gate
from plugin_index.links import Link
from plugin_index.negotiation import JSON, headers_of, kind, takes_gzip, unchanged
from plugin_index.nouns import Token
from plugin_index.shelf import Shelf

PREFIX = "/simple/"
KEPT = 32 * 1024 * 1024
"""Bytes of rendered pages in memory at most."""
_WORTH_ZIPPING = 1024
_LEVEL = 6
"""Of compression: the highest takes half as long again, for half a percent of the size."""
Header = tuple[bytes, bytes]
_EVERY: tuple[Header, ...] = ((b"cache-control", b"max-age=0, must-revalidate"), (b"vary", b"Accept, Accept-Encoding"))
"""What all pages say is one value: of thousands of pages, each request then touches less memory."""
_GZIP: Header = (b"content-encoding", b"gzip")
Edition = tuple[int, int]
"""Of our own files, and of what a registry offers; 0 where it is not about that."""


@dataclass(frozen=True, slots=True)
class Page:
    """One rendering of a page."""

    kept: bytes
    zipped: bool
    """Whether that is gzip."""
    edition: Edition
    plain: tuple[str, list[Header]]
    """Its ETag, and the headers of the answer."""
    compressed: tuple[str, list[Header]]

    @classmethod
    def of(cls, text: str, media_type: str, edition: Edition) -> Page:
        """The page, compressed if that is worth it."""
        body = text.encode()
        zipped = len(body) >= _WORTH_ZIPPING
        kept = gzip.compress(body, _LEVEL, mtime=0) if zipped else body
        etag = hashlib.sha256(body).hexdigest()
        gzip_too = _headers(media_type, f'"{etag}-gzip"', len(kept), _GZIP)
        return cls(kept, zipped, edition, _headers(media_type, f'"{etag}"', len(body)), gzip_too)


class Simple:
    """`/simple/` and all below it."""

    def __init__(self, shelf: Shelf, gate: Gate, passing: upstream.Pages | None = None) -> None:
        self._shelf, self._gate, self._upstream = shelf, gate, passing
        self._pages: dict[tuple[str, str], Page] = {}
        self._size = 0

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send, path: str) -> None:
        """Answer; `path` begins below the prefix."""
        if scope["method"] not in {"GET", "HEAD"}:
            await _no_upload_here(scope)(scope, receive, send)
            return
        name = path.rstrip("/")
        token = await self._gate.reader(scope, name and canonicalize_name(name))
        accept, coding, etag = headers_of(scope["headers"], b"accept", b"accept-encoding", b"if-none-match")
        form = kind(accept, _format(scope))
        page = await (self._project(name, form, path, scope) if name else self._root(form, token))
        if isinstance(page, Page):
            await _answer(scope, send, page, etag, zipped=page.zipped and takes_gzip(coding))
        else:
            await page(scope, receive, send)

    async def _root(self, form: str, token: Token | None) -> Page:
        edition = (self._shelf.edition, 0)
        if token is not None and not token.may("read", ""):
            mine = tuple(name for name in await self._shelf.projects() if token.may("read", name))
            return Page.of(links.root(mine, form), form, edition)
        if (page := self._kept("", form, edition)) is not None:
            return page
        projects = await self._shelf.projects()
        return await self._render("", form, edition, lambda: links.root(projects, form))

    async def _project(self, asked: str, form: str, path: str, scope: ASGIScope) -> Page | Response:
        """One project's files; 301 to its normalised name."""
        name = canonicalize_name(asked)
        if path != f"{name}/":
            return _missing(f"there is nothing at {asked}", form) if "/" in asked else _redirect(path, name, scope)
        edition = (self._shelf.edition_of(name), 0)
        if (page := self._kept(name, form, edition)) is not None:
            return page
        files = await self._shelf.files(name)
        if not files:
            return await self._passed(name, form, edition[0], scope)
        offered = [Link.to(file) for file in files if file.offered]
        held = not offered and any(file.removed is None for file in files)
        return await self._render(name, form, edition, lambda: links.project(name, offered, "quarantined" if held else "active", form))

    async def _passed(self, name: str, form: str, edition: int, scope: ASGIScope) -> Page | Response:
        """What a registry offers of a project that has no file here, and had none at this edition."""
        revision = await self._upstream.revision(name, headers_of(scope["headers"], b"via")[0]) if self._upstream else None
        if self._upstream is None or revision is None:
            return _missing(f"there is no project {name!r}", form)
        if (page := self._kept(name, form, (edition, revision))) is not None:
            return page
        offered = await self._upstream.links(name)
        return await self._render(name, form, (edition, revision), lambda: links.project(name, offered, "active", form))

    def _kept(self, name: str, form: str, edition: Edition) -> Page | None:
        page = self._pages.get((name, form))
        return page if page is not None and page.edition == edition else None

    async def _render(self, name: str, form: str, edition: Edition, render: Callable[[], str]) -> Page:
        """A page from what was read at this edition or later; whoever asks at a later one gets it rendered anew."""
        page = await self._shelf.run(lambda: Page.of(render(), form, edition))
        self._forget(name, form)
        self._pages[name, form] = page
        self._size += len(page.kept)
        while self._size > KEPT:
            self._forget(*next(iter(self._pages)))
        return page

    def _forget(self, name: str, form: str) -> None:
        if (page := self._pages.pop((name, form), None)) is not None:
            self._size -= len(page.kept)


async def hatch_page(request: Request) -> Response:
    """Hatch looks for a project's page below the upload URL."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"../../../simple/{canonicalize_name(request.path_params['project'])}/{query}", status_code=301)


async def _answer(scope: ASGIScope, send: Send, page: Page, known: str, *, zipped: bool) -> None:
    etag, headers = page.compressed if zipped else page.plain
    status, body = 200, page.kept
    if known and unchanged(known, etag):
        status, body, headers = 304, b"", [header for header in headers if header[0] != b"content-length"]
    elif page.zipped and not zipped:
        body = gzip.decompress(body)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def _headers(media_type: str, etag: str, size: int, *more: Header) -> tuple[str, list[Header]]:
    return etag, [_content_type(media_type), (b"content-length", b"%d" % size), (b"etag", etag.encode()), *_EVERY, *more]


@lru_cache(maxsize=8)
def _content_type(media_type: str) -> Header:
    said = media_type if media_type == JSON else f"{media_type}; charset=utf-8"
    return b"content-type", said.encode()


def _redirect(path: str, name: str, scope: ASGIScope) -> Response:
    query = scope["query_string"].decode("latin-1")
    return RedirectResponse(f"{'../' if path.endswith('/') else './'}{quote(name)}/{f'?{query}' if query else ''}", status_code=301)


def _missing(why: str, form: str) -> Response:
    headers = {"Cache-Control": "max-age=0, must-revalidate", "Vary": "Accept"}
    return Response(links.missing(why, form), status_code=404, media_type=form, headers=headers)


def _no_upload_here(scope: ASGIScope) -> Response:
    error = MethodNotAllowed(scope["method"], f"{scope['path']} (uploads go to /legacy/)", allowed=["GET", "HEAD"])
    return problem_response(error, headers={"Allow": "GET, HEAD"})


def _format(scope: ASGIScope) -> str | None:
    query = scope["query_string"]
    return parse_qs(query.decode("latin-1")).get("format", [None])[0] if query else None
