"""The simple repository API (PEP 503, 592, 629, 658, 691, 700, 714, 792) and the files behind it.

A page is rendered once for each change of the shelf. URLs are relative, so that it works behind any prefix; `must-revalidate`,
so that a yank is seen at once.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from packaging.utils import canonicalize_name
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response

from plughost.errors import MethodNotAllowed
from plughost.http import problem_response
from plugin_index.conditional import unchanged
from plugin_index.errors import NotServed
from plugin_index.nouns import File
from plugin_index.shelf import Shelf

VERSION = "1.4"
JSON = f"application/vnd.pypi.simple.v{VERSION.partition('.')[0]}+json"
HTML = f"application/vnd.pypi.simple.v{VERSION.partition('.')[0]}+html"
_ASKED = {
    JSON: JSON,
    "application/vnd.pypi.simple.latest+json": JSON,
    HTML: HTML,
    "application/vnd.pypi.simple.latest+html": HTML,
    "text/html": "text/html",
    "*/*": "text/html",
    "text/*": "text/html",
}
_REVALIDATE = "max-age=0, must-revalidate"
_WORTH_ZIPPING = 1024
KEPT = 64 * 1024 * 1024
"""Bytes of rendered pages in memory at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """One rendering of a page."""

    body: bytes
    zipped: bytes | None
    media_type: str
    etag: str
    edition: int

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return len(self.body) + len(self.zipped or b"")


class Simple:
    """`/simple/` and `/files/`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._pages: dict[tuple[str, str], Page] = {}
        self._size = 0

    async def root(self, request: Request) -> Response:
        """All projects."""
        kind, edition = negotiated(request), self._shelf.edition
        if (page := self._kept("", kind, edition)) is None:
            projects = await self._shelf.projects()
            page = await self._render("", kind, edition, lambda: _root(projects, kind))
        return _answer(request, page)

    async def project(self, request: Request) -> Response:
        """One project's files; 301 to its normalised name."""
        asked = request.path_params["project"]
        name = canonicalize_name(asked)
        if asked != name or not request.url.path.endswith("/"):
            return RedirectResponse(f"{'../' if request.url.path.endswith('/') else './'}{name}/{_query(request)}", status_code=301)
        kind, edition = negotiated(request), self._shelf.edition_of(name)
        if (page := self._kept(name, kind, edition)) is None:
            if not (files := await self._shelf.files(name)):
                return _missing(kind, f"there is no project {name!r}")
            page = await self._render(name, kind, edition, lambda: _project(name, files, kind))
        return _answer(request, page)

    async def file(self, request: Request) -> Response:
        """The bytes, or for `.metadata` its METADATA (PEP 658); addressed by hash, so it never changes."""
        sha256, filename = request.path_params["sha256"], request.path_params["filename"]
        wanted = filename.removesuffix(".metadata")
        file = await self._shelf.file(sha256, wanted)
        if file is None:
            return problem_response(NotServed(request.url.path))
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
        headers["ETag"] = f'"{sha256}"' if filename == wanted else f'"{file.metadata_sha256}"'
        if unchanged(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if filename == wanted:
            return FileResponse(self._shelf.blobs.path(sha256), media_type="application/octet-stream", headers=headers)
        return Response(await self._shelf.metadata(wanted), media_type="text/plain; charset=utf-8", headers=headers)

    def _kept(self, name: str, kind: str, edition: int) -> Page | None:
        page = self._pages.get((name, kind))
        return page if page is not None and page.edition == edition else None

    async def _render(self, name: str, kind: str, edition: int, render: Callable[[], str]) -> Page:
        """A page from what was read at this edition or later; whoever asks at a later one gets it rendered anew."""
        page = await self._shelf.run(lambda: _page(render(), kind, edition))
        self._forget(name, kind)
        self._pages[name, kind] = page
        self._size += page.size
        while self._size > KEPT:
            self._forget(*next(iter(self._pages)))
        return page

    def _forget(self, name: str, kind: str) -> None:
        if (page := self._pages.pop((name, kind), None)) is not None:
            self._size -= page.size


def _answer(request: Request, page: Page) -> Response:
    zipped = page.zipped is not None and _takes_gzip(request)
    etag = f'"{page.etag}-gzip"' if zipped else f'"{page.etag}"'
    headers = {"ETag": etag, "Cache-Control": _REVALIDATE, "Vary": "Accept, Accept-Encoding"}
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    if zipped and page.zipped is not None:
        return Response(page.zipped, media_type=page.media_type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(page.body, media_type=page.media_type, headers=headers)


async def hatch_page(request: Request) -> Response:
    """Hatch looks for a project's page below the upload URL."""
    return RedirectResponse(f"../../../simple/{canonicalize_name(request.path_params['project'])}/{_query(request)}", status_code=301)


async def no_upload_here(request: Request) -> Response:
    """405 that says where uploads go."""
    error = MethodNotAllowed(request.method, f"{request.url.path} (uploads go to /legacy/)", allowed=["GET", "HEAD"])
    return problem_response(error, headers={"Allow": "GET, HEAD"})


def negotiated(request: Request) -> str:
    """The representation that the client prefers (RFC 9110, 12.5.1); HTML where it has no wish."""
    wished = request.query_params.get("format")
    if wished is not None:
        return _ASKED.get(wished, "text/html")
    best, weight = "text/html", 0.0
    for kind, quality in _weighted(request.headers.get("accept", "")):
        if kind in _ASKED and quality > weight:
            best, weight = _ASKED[kind], quality
    return best


def _takes_gzip(request: Request) -> bool:
    return any(coding == "gzip" and quality > 0 for coding, quality in _weighted(request.headers.get("accept-encoding", "")))


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        value, *parameters = (piece.strip().lower() for piece in part.split(";"))
        yield value, next((_quality(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _page(text: str, kind: str, edition: int) -> Page:
    body = text.encode()
    zipped = gzip.compress(body, mtime=0) if len(body) >= _WORTH_ZIPPING else None
    media_type = f"{kind}; charset=utf-8" if kind != JSON else kind
    return Page(body, zipped, media_type, hashlib.sha256(body).hexdigest(), edition)


def _root(projects: Sequence[str], kind: str) -> str:
    if kind == JSON:
        return json.dumps({"meta": {"api-version": VERSION}, "projects": [{"name": name} for name in projects]})
    links = "\n".join(f'<a href="{html.escape(name)}/">{html.escape(name)}</a><br>' for name in projects)
    return _document("Simple index", links)


def _project(name: str, files: Sequence[File], kind: str) -> str:
    if kind == JSON:
        return json.dumps(
            {
                "meta": {"api-version": VERSION},
                "name": name,
                "project-status": {"status": "active"},
                "versions": list(dict.fromkeys(file.version for file in reversed(files))),
                "files": [_file(file) for file in files],
            }
        )
    return _document(f"Links for {html.escape(name)}", "\n".join(_link(file) for file in files))


def _file(file: File) -> dict[str, object]:
    core = {"sha256": file.metadata_sha256}
    shape: dict[str, object] = {
        "filename": file.filename,
        "url": _url(file),
        "hashes": {"sha256": file.sha256},
        "size": file.size,
        "upload-time": datetime.fromtimestamp(file.uploaded, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "core-metadata": core,
        "dist-info-metadata": core,
        "yanked": False if file.yanked is None else (file.yanked or True),
    }
    return shape | ({"requires-python": file.requires_python} if file.requires_python else {})


def _link(file: File) -> str:
    attributes = {"href": f"{_url(file)}#sha256={file.sha256}"}
    for name in ("data-core-metadata", "data-dist-info-metadata"):
        attributes[name] = f"sha256={file.metadata_sha256}"
    if file.requires_python:
        attributes["data-requires-python"] = file.requires_python
    if file.yanked is not None:
        attributes["data-yanked"] = file.yanked
    said = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {said}>{html.escape(file.filename)}</a><br>"


def _document(title: str, body: str) -> str:
    return f"""<!DOCTYPE html>
<html>
<head><meta charset="utf-8"><meta name="pypi:repository-version" content="{VERSION}"><title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def _url(file: File) -> str:
    return f"../../files/{file.sha256}/{file.filename}"


def _missing(kind: str, why: str) -> Response:
    headers = {"Cache-Control": _REVALIDATE, "Vary": "Accept"}
    if kind == JSON:
        return JSONResponse({"meta": {"api-version": VERSION}, "message": why}, status_code=404, headers=headers)
    return Response(_document("Not found", html.escape(why)), status_code=404, media_type="text/html", headers=headers)


def _query(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""
