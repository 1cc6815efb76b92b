"""Package indexes on a free port: wheels in memory, every request counted, any of them held back or broken on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import socket
import zipfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import uvicorn
from packaging.utils import canonicalize_name
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plughost.testing import BuiltWheel
from plughost.types import Receive, Send

DEADLINE = 60
_JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Index:
    """One PEP 691 repository; `url` is its simple page."""

    name: str
    origin: str
    files: dict[str, bytes] = field(default_factory=dict)
    listed_sha256: dict[str, str] = field(default_factory=dict)
    """What the page says where it lies."""
    yanked: set[str] = field(default_factory=set)
    status: int = 200
    """Of every page, where it is not 200."""
    tells_hashes: bool = True
    silent: bool = False
    """Pages are never answered."""
    password: str | None = None
    asked: Counter[str] = field(default_factory=Counter)
    """Projects whose pages were asked for."""
    served: Counter[str] = field(default_factory=Counter)
    """Files that were downloaded."""
    busy: int = 0
    """Held files that are being answered."""
    busiest: int = 0
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    """Files that are answered only after their event is set."""
    begun: dict[str, asyncio.Event] = field(default_factory=dict)
    """Set when the first half of a held file is on its way."""

    @property
    def url(self) -> str:
        return f"{self.origin}/{self.name}/simple/"

    def publish(self, *wheels: BuiltWheel) -> None:
        for built in wheels:
            self.files[built.filename] = built.data

    def url_of(self, filename: str) -> str:
        return f"{self.origin}/{self.name}/files/{filename}"

    def hold(self, filename: str) -> asyncio.Event:
        self.begun[filename] = asyncio.Event()
        return self.held.setdefault(filename, asyncio.Event())

    def refuses(self, request: Request) -> bool:
        if self.password is None:
            return False
        expected = {f"Bearer {self.password}", "Basic " + base64.b64encode(f"__token__:{self.password}".encode()).decode()}
        return request.headers.get("authorization") not in expected

    def page(self, project: str) -> Response:
        self.asked[project] += 1
        if self.status != 200:
            return Response(status_code=self.status)
        rows = [self._row(filename, data) for filename, data in self.files.items() if _project(filename) == project]
        if not rows:
            return Response(status_code=404)
        return JSONResponse({"meta": {"api-version": "1.1"}, "name": project, "files": rows}, media_type=_JSON)

    def _row(self, filename: str, data: bytes) -> dict[str, object]:
        sha256 = self.listed_sha256.get(filename, hashlib.sha256(data).hexdigest())
        hashes = {"sha256": sha256} if self.tells_hashes else {}
        told = {"filename": filename, "url": f"../../files/{filename}", "hashes": hashes, "yanked": filename in self.yanked}
        return told | {"core-metadata": {"sha256": hashlib.sha256(_metadata(data)).hexdigest()}} if filename.endswith(".whl") else told


class Slow(Response):
    """Half of a held file, then its event, then the rest."""

    def __init__(self, index: Index, filename: str) -> None:
        super().__init__(index.files[filename], media_type="application/octet-stream")
        self._index, self._filename = index, filename

    async def __call__(self, scope: object, receive: Receive, send: Send) -> None:
        self._index.busy += 1
        self._index.busiest = max(self._index.busy, self._index.busiest)
        try:
            await self._answer(send)
        finally:
            self._index.busy -= 1

    async def _answer(self, send: Send) -> None:
        half = len(self.body) // 2
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[:half]), "more_body": True})
        self._index.begun[self._filename].set()
        await self._index.held[self._filename].wait()
        await send({"type": "http.response.body", "body": bytes(self.body[half:])})


@dataclass
class Net:
    """The test's outside world: two indexes on one origin, and variables that know of nothing else."""

    plugins: Index
    registry: Index
    environ: Mapping[str, str]
    socket: socket.socket
    server: uvicorn.Server
    serving: asyncio.Task[None]

    async def vanish(self) -> None:
        """The network is gone: nobody listens any more."""
        self.server.should_exit = self.server.force_exit = True
        await self.serving
        self.socket.close()

    @property
    def origin(self) -> str:
        return self.plugins.origin


@asynccontextmanager
async def outside_world(folder: Path) -> AsyncIterator[Net]:
    """Two indexes that answer; `folder` is for the caches of resolvers."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    indexes = {name: Index(name, origin) for name in ("plugins", "registry")}
    server = uvicorn.Server(uvicorn.Config(_app(indexes), log_level="warning", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield Net(**indexes, environ=environ(indexes["registry"], folder), socket=listener, server=server, serving=serving)
    finally:
        for index in indexes.values():
            for event in index.held.values():
                event.set()
        server.should_exit = server.force_exit = True
        await serving
        listener.close()


def environ(registry: Index, folder: Path) -> dict[str, str]:
    """Variables of a machine that is configured for that registry alone."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    return clean | {
        "UV_DEFAULT_INDEX": registry.url,
        "UV_NO_CONFIG": "1",
        "UV_CACHE_DIR": str(folder / "uv-cache"),
        "PIP_INDEX_URL": registry.url,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CACHE_DIR": str(folder / "pip-cache"),
    }


def sdist(project: str, version: str, marker: Path) -> BuiltWheel:
    """A source archive whose build would leave a file behind."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{project}-{version}/setup.py", f"open({str(marker)!r}, 'w')")
        archive.writestr(f"{project}-{version}/PKG-INFO", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
    return BuiltWheel(f"{project}-{version}.zip", buffer.getvalue())


def _app(indexes: Mapping[str, Index]) -> Starlette:
    async def page(request: Request) -> Response:
        index = indexes.get(request.path_params["index"])
        if index is None:
            return Response(status_code=404)
        if index.silent:
            await asyncio.Event().wait()
        return Response(status_code=401) if index.refuses(request) else index.page(request.path_params["project"])

    async def file(request: Request) -> Response:
        index, filename = indexes[request.path_params["index"]], request.path_params["filename"]
        if index.refuses(request):
            return Response(status_code=401)
        if filename.removesuffix(".metadata") not in index.files:
            return Response(status_code=404)
        if filename.endswith(".metadata"):
            return Response(_metadata(index.files[filename.removesuffix(".metadata")]))
        if request.method == "GET":
            index.served[filename] += 1
        if filename in index.held:
            return Slow(index, filename)
        return Response(index.files[filename], media_type="application/octet-stream")

    return Starlette(
        routes=[
            Route("/{index}/simple/{project}/", page, methods=["GET", "HEAD"]),
            Route("/{index}/files/{filename}", file, methods=["GET", "HEAD"]),
        ]
    )


def _metadata(data: bytes) -> bytes:
    """METADATA of a wheel (PEP 658), so that no resolver downloads one."""
    with zipfile.ZipFile(BytesIO(data)) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")))


def _project(filename: str) -> str:
    return canonicalize_name(filename.split("-", maxsplit=1)[0])
