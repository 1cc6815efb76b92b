"""The index as one ASGI application; what it keeps opens and closes with its lifespan."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from plughost.errors import HostStopping, MethodNotAllowed, PlughostError, RequestInvalid
from plughost.http import problem_response, send_problem
from plughost.types import ASGIApp, ASGIScope, Message, Receive, Send
from plugin_index import api, download, simple, upstream
from plugin_index.bodies import Pace, read_whole
from plugin_index.catalog import PluginList
from plugin_index.damping import Damper
from plugin_index.download import Downloads
from plugin_index.errors import NotServed
from plugin_index.gate import Gate, address_of
from plugin_index.keeping.collecting import GRACE, collecting
from plugin_index.metrics import MEDIA_TYPE, Metrics
from plugin_index.negotiation import headers_of
from plugin_index.pages.site import routes as pages
from plugin_index.shelf import Shelf
from plugin_index.simple import Simple, hatch_page
from plugin_index.storage import Storage
from plugin_index.storage.home import Home
from plugin_index.tokens import Tokens, admin_token
from plugin_index.upload import Uploads

MAX_SIZE = 512 * 1024 * 1024
"""Bytes of one wheel at most."""
_READ = ["GET", "HEAD"]
_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_UNAUTHORIZED, _NOT_FOUND, _NOT_ALLOWED, _LATE = 401, 404, 405, 408
Below = Callable[[ASGIScope, Receive, Send, str], Coroutine[Any, Any, None]]
"""Answers below a prefix; the last argument is the path from there."""


class PluginIndex:
    """ASGI application over one home; starts with its lifespan."""

    def __init__(
        self,
        home: Path,
        *,
        admin: str | None = None,
        max_size: int = MAX_SIZE,
        private: bool = False,
        chain: upstream.Chain | None = None,
        grace: float = GRACE,
        pace: Pace | None = None,
    ) -> None:
        self._home, self._admin, self._max_size, self._private, self._chain = home, admin, max_size, private, chain
        self._grace, self._pace = grace, pace or Pace()
        self._stopping = False
        self._refused: PlughostError | None = None
        self._metrics, self._damper = Metrics(), Damper()
        self._below: Mapping[str, Below] = {"/": self._rest}
        self._app = FastAPI(title="plugin-index", lifespan=self._opened)
        _answer_problems(self._app)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._plainly(send))
        elif self._stopping and scope["type"] == "http":
            await send_problem(send, HostStopping())
        elif scope["type"] == "http":
            await self._answer(_prefixed(scope), receive, send)
        else:
            await self._app(scope, receive, send)

    def stop_accepting(self) -> None:
        """From now on new requests are answered 503, event streams end."""
        self._stopping = True

    async def _answer(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        path = str(scope["path"]).removeprefix(scope.get("root_path", ""))
        prefix = next((prefix for prefix in self._below if path.startswith(prefix)), "/")
        counted = self._metrics.counted(prefix.strip("/") or "other", self._damper.damped(address_of(scope), send))
        try:
            await self._below[prefix](scope, receive, counted, path.removeprefix(prefix))
        except PlughostError as error:
            await _problem(error)(scope, receive, counted)

    async def _rest(self, scope: ASGIScope, receive: Receive, send: Send, path: str) -> None:
        """All that is not asked by the thousand: FastAPI routes it."""
        if path.startswith("api/") and scope["method"] not in _READ:
            receive = await read_whole(scope, receive, seconds=self._pace.call)
        await self._app(scope, receive, send)

    def _plainly(self, send: Send) -> Send:
        """Tells an operator why it does not start in a sentence, not by a traceback."""

        async def told(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed" and self._refused is not None:
                message = {**message, "message": f"error[{self._refused.code}]: {self._refused.detail}"}
            await send(message)

        return told

    @contextlib.asynccontextmanager
    async def _opened(self, app: FastAPI) -> AsyncIterator[None]:
        try:
            async with (
                Home.opened(self._home) as storage,
                Shelf.over(storage) as shelf,
                _passing(self._chain, storage, shelf, self._max_size) as passing,
                collecting(storage, grace=self._grace),
            ):
                kept = list(app.router.routes)
                self._route(app, shelf, Tokens(storage, admin_token(self._home, self._admin)), passing)
                yield
                app.router.routes[:] = kept
        except PlughostError as error:
            self._refused = error
            raise

    def _route(self, app: FastAPI, shelf: Shelf, tokens: Tokens, passing: upstream.Upstream | None) -> None:
        gate = Gate(tokens, private=self._private)
        self._below = {
            simple.PREFIX: Simple(shelf, gate, passing.pages if passing else None),
            download.PREFIX: Downloads(shelf, gate, passing.files if passing else None),
            "/": self._rest,
        }
        desk = api.Desk(shelf=shelf, tokens=tokens, gate=gate, listed=PluginList(shelf), stopping=lambda: self._stopping)
        app.include_router(api.routes(desk))
        app.router.routes += [
            *_watched(shelf, self._metrics),
            *_uploading(Uploads(shelf, tokens, max_size=self._max_size, pace=self._pace)),
            *pages(shelf, gate),
        ]
        app.openapi_schema = None


def create(home: Path, *, admin_token: str | None = None, max_size: int = MAX_SIZE, private: bool = False) -> ASGIApp:
    """The index over a home directory; `admin_token` is valid instead of the one in the home."""
    return PluginIndex(home, admin=admin_token, max_size=max_size, private=private)


@contextlib.asynccontextmanager
async def _passing(chain: upstream.Chain | None, storage: Storage, shelf: Shelf, max_size: int) -> AsyncIterator[upstream.Upstream | None]:
    """What is passed through from registries, if anything is."""
    if chain is None:
        yield None
        return
    async with upstream.opened(chain, storage, shelf, max_size=max_size) as passing:
        yield passing


def _prefixed(scope: ASGIScope) -> ASGIScope:
    """The request as it was before a proxy took a prefix away, where the proxy says which."""
    prefix = headers_of(scope["headers"], b"x-forwarded-prefix")[0].rstrip("/")
    if not _PREFIX.fullmatch(prefix):
        return scope
    root = prefix + scope.get("root_path", "")
    return {**scope, "root_path": root, "path": prefix + scope["path"]}


def _uploading(uploads: Uploads) -> list[Route]:
    return [
        Route("/legacy/", uploads.take, methods=["POST"]),
        Route("/legacy", uploads.take, methods=["POST"]),
        Route("/legacy/+simple/{project}/", hatch_page, methods=_READ),
    ]


def _watched(shelf: Shelf, metrics: Metrics) -> list[Route]:
    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        await shelf.read(lambda rows: rows.totals())
        return JSONResponse({"status": "ready"})

    async def measured(_request: Request) -> Response:
        (files, size), revoked = await shelf.read(lambda rows: (rows.totals(), len(rows.revoked())))
        return Response(metrics.text(files, size, revoked), media_type=MEDIA_TYPE)

    return [
        Route("/healthz", alive, methods=_READ),
        Route("/readyz", ready, methods=_READ),
        Route("/metrics", measured, methods=_READ),
        Route("/simple", _to_simple, methods=_READ),
    ]


async def _to_simple(_request: Request) -> Response:
    return Response(status_code=301, headers={"Location": "simple/"})


def _problem(error: BaseException) -> Response:
    """The problem; who was asked for a token may answer with Basic, which is all that pip and uv know."""
    more = {_UNAUTHORIZED: {"WWW-Authenticate": 'Basic realm="plugin-index"'}, _LATE: {"Connection": "close"}}
    return problem_response(error, headers=more.get(getattr(error, "status", 0)))


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(PlughostError)
    async def ours(_request: Request, error: PlughostError) -> Response:
        return _problem(error)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> Response:
        return problem_response(error, headers={"Connection": "close"})  # which uvicorn does, after it has logged the error

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return problem_response(RequestInvalid("the request has the wrong shape", problems=problems))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        if error.status_code == _NOT_ALLOWED:
            allowed = (error.headers or {}).get("Allow", "")
            refusal = MethodNotAllowed(request.method, request.url.path, allowed=allowed.split(", "))
            return problem_response(refusal, headers={"Allow": allowed})
        return problem_response(NotServed(request.url.path) if error.status_code == _NOT_FOUND else RequestInvalid(str(error.detail)))
