"""The index as one ASGI application; the shelf opens and closes with its lifespan."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Route

from plughost.errors import HostStopping, MethodNotAllowed, PlughostError, RequestInvalid
from plughost.http import problem_response, send_problem
from plughost.types import ASGIApp, ASGIScope, Message, Receive, Send
from plugin_index import api
from plugin_index.catalog import PluginList
from plugin_index.errors import NotServed
from plugin_index.front import Front
from plugin_index.shelf import Shelf
from plugin_index.simple import Simple, hatch_page, no_upload_here
from plugin_index.tokens import Tokens, admin_token
from plugin_index.upload import Uploads

MAX_SIZE = 512 * 1024 * 1024
"""Bytes of one wheel at most."""
_READ = ["GET", "HEAD"]


class PluginIndex:
    """ASGI application over one home; starts with its lifespan."""

    def __init__(self, home: Path, *, admin: str | None = None, max_size: int = MAX_SIZE) -> None:
        self._home, self._admin, self._max_size = home, admin, max_size
        self._stopping = False
        self._refused: PlughostError | None = None
        self._app = FastAPI(title="plugin-index", lifespan=self._opened)
        _answer_problems(self._app)

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if self._stopping and scope["type"] == "http":
            await send_problem(send, HostStopping())
        elif scope["type"] == "lifespan":
            await self._app(scope, receive, self._plainly(send))
        else:
            await self._app(scope, receive, send)

    def stop_accepting(self) -> None:
        """From now on new requests are answered 503, event streams end."""
        self._stopping = True

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
            async with Shelf.opened(self._home) as shelf:
                kept = list(app.router.routes)
                self._route(app, shelf)
                yield
                app.router.routes[:] = kept
        except PlughostError as error:
            self._refused = error
            raise

    def _route(self, app: FastAPI, shelf: Shelf) -> None:
        tokens = Tokens(shelf.database, admin_token(self._home, self._admin))
        desk = api.Desk(shelf=shelf, tokens=tokens, listed=PluginList(shelf), stopping=lambda: self._stopping)
        app.include_router(api.routes(desk))
        app.router.routes += _routes(shelf, Uploads(shelf, tokens, max_size=self._max_size))
        app.openapi_schema = None


def create(home: Path, *, admin_token: str | None = None, max_size: int = MAX_SIZE) -> ASGIApp:
    """The index over a home directory; `admin_token` is valid instead of the one in the home."""
    return PluginIndex(home, admin=admin_token, max_size=max_size)


def _routes(shelf: Shelf, uploads: Uploads) -> list[Route]:
    simple = Simple(shelf)

    async def alive(_request: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def ready(_request: Request) -> Response:
        await shelf.database.read(lambda c: c.execute("SELECT 1").fetchone())
        return JSONResponse({"status": "ready"})

    return [
        Route("/", Front(shelf).page, methods=_READ),
        Route("/healthz", alive, methods=_READ),
        Route("/readyz", ready, methods=_READ),
        Route("/legacy/", uploads.take, methods=["POST"]),
        Route("/legacy", uploads.take, methods=["POST"]),
        Route("/simple/", simple.root, methods=_READ),
        Route("/simple/{project}/", simple.project, methods=_READ),
        Route("/simple/{project}", simple.project, methods=_READ),
        Route("/legacy/+simple/{project}/", hatch_page, methods=_READ),
        Route("/files/{sha256}/{filename}", simple.file, methods=_READ),
        Route("/simple/{rest:path}", no_upload_here, methods=["POST", "PUT", "DELETE"]),
    ]


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(PlughostError)
    async def ours(_request: Request, error: PlughostError) -> Response:
        return problem_response(error)

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> Response:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return problem_response(RequestInvalid("the request has the wrong shape", problems=problems))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:  # noqa: PLR2004 - Method Not Allowed
            allowed = (error.headers or {}).get("Allow", "")
            return problem_response(
                MethodNotAllowed(request.method, request.url.path, allowed=allowed.split(", ")), headers={"Allow": allowed}
            )
        return problem_response(NotServed(request.url.path) if error.status_code == 404 else RequestInvalid(str(error.detail)))  # noqa: PLR2004 - Not Found
