"""The host's own HTTP API as one ASGI application, and the question which paths are its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from plughost.api import events, openapi, operations, plugins, slots, system
from plughost.api.access import Access, Tokens, local_path
from plughost.api.console import Console
from plughost.errors import HostStopping, MethodNotAllowed, PathUnknown, PlughostError, RequestInvalid
from plughost.http import problem_response, send_problem
from plughost.types import ASGIApp, ASGIScope, Receive, Send

FIRST_SEGMENTS: Final = frozenset({"api", "slots", "healthz", "readyz", "openapi.json", "docs", "redoc"})
_ENDLESS: Final = frozenset({"/api/events", "/api/plugins/events"})
"""Streams, which have no HEAD: it would never end."""


class Api:
    """ASGI application of the host; `owns(scope)` tells whether a request is for it."""

    def __init__(self, console: Console, tokens: Tokens, *, core: ASGIApp | None, version: str) -> None:
        self._prefix, self._stopping = console.prefix, console.stopping
        app = FastAPI(title="plughost", version=version, openapi_url=None, docs_url=None, redoc_url=None)
        documents = openapi.Documents(app, console.registry, core=core, version=version, prefix=console.prefix)
        taken = _literal_paths(core)
        for router in (
            openapi.routes(documents),
            events.routes(console),
            plugins.routes(console),
            operations.routes(console),
            slots.routes(console),
            system.routes(console),
        ):
            app.router.routes += router.routes  # not included: FastAPI would match each request twice
        for router in (system.health(console), openapi.short_routes(documents)):
            app.router.routes += [route for route in router.routes if getattr(route, "path", None) not in taken]
        _answer_problems(app)
        self._app = Access(app, tokens)
        self._own = re.compile("|".join(f"(?:{pattern})" for pattern in _patterns(app.routes)))

    def owns(self, scope: ASGIScope) -> bool:
        """Whether the request's path is one of the host's; nothing else is taken from the application that embeds it."""
        path = local_path(scope)
        if self._prefix:
            if not path.startswith(self._prefix + "/"):
                return False
            path = path[len(self._prefix) :]
        return path[1:].partition("/")[0] in FIRST_SEGMENTS and self._own.match(path) is not None

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answer one request of the host's own."""
        path = local_path(scope).removeprefix(self._prefix)
        if self._stopping() and path not in {"/healthz", "/readyz"}:
            await send_problem(send, HostStopping())
            return
        root = scope.get("root_path", "").rstrip("/") + self._prefix
        head = scope["method"] == "HEAD" and path not in _ENDLESS
        # The server leaves out the body of what answers a HEAD.
        await self._app({**scope, "root_path": root, "path": root + path, "method": "GET" if head else scope["method"]}, receive, send)


def _patterns(routes: Iterable[BaseRoute]) -> Iterable[str]:
    """What the paths look like, without the names of their parameters, which would clash in one expression."""
    return [re.sub(r"\?P<\w+>", "?:", route.path_regex.pattern) for route in routes if isinstance(route, Route)]


def _literal_paths(core: ASGIApp | None) -> frozenset[str]:
    routes = getattr(core, "routes", ())
    return frozenset(path for route in routes if (path := getattr(route, "path", None)))


def _allowed(routes: Iterable[BaseRoute], path: str) -> list[str]:
    """Every method that the path has, whichever of its routes takes it."""
    found = [route.methods or set() for route in routes if isinstance(route, Route) and route.path_regex.match(path)]
    methods = set().union(*found)
    return sorted(methods | ({"HEAD"} if "GET" in methods and path not in _ENDLESS else set()))


def _answer_problems(app: FastAPI) -> None:
    @app.exception_handler(PlughostError)
    async def ours(_request: Request, error: PlughostError) -> Response:
        return problem_response(error)

    @app.exception_handler(RequestValidationError)
    async def wrong_shape(_request: Request, error: RequestValidationError) -> Response:
        problems = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return problem_response(RequestInvalid("the request has the wrong shape", problems=problems))

    @app.exception_handler(HTTPException)
    async def framework(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:  # noqa: PLR2004 - Method Not Allowed
            allowed = _allowed(app.routes, local_path(request.scope))
            return problem_response(
                MethodNotAllowed(request.method, request.url.path, allowed=allowed), headers={"Allow": ", ".join(allowed)}
            )
        if error.status_code == 404:  # noqa: PLR2004 - Not Found
            return problem_response(PathUnknown(request.url.path))
        return problem_response(RequestInvalid(str(error.detail)))
