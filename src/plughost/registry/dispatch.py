"""The outermost ASGI application: the first path segment names the plugin, everything else is the fallback's.

The look-up and the visit are one synchronous step, so that a generation that was found cannot stop before the request has left.
What escapes a plugin's app ends here (law 9): answered with 500 if nothing was answered yet, and logged with whose it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from plughost.errors import PluginFailed, PluginQuarantined, PluginRaised, PluginRevoked, PluginStarting, PluginStopping, describe
from plughost.http import send_problem
from plughost.model.owner import current
from plughost.registry.registry import Registry
from plughost.registry.request import INTERNAL_ERROR, TRY_AGAIN_LATER, Request
from plughost.registry.table import Entry, Mounted, Unavailable
from plughost.types import ASGIApp, ASGIScope, Message, Receive, Send

logger = logging.getLogger("plughost.plugin")

_ESCAPES = (Exception, BaseExceptionGroup, SystemExit, asyncio.CancelledError)
"""Law 9: whatever a plugin's app raises ends with its request; only Ctrl-C goes on."""
_UNAVAILABLE = {error.code: error for error in (PluginStarting, PluginFailed, PluginQuarantined, PluginRevoked, PluginStopping)}


class Dispatch:
    """Routes by one dict; requests without a mount, and the lifespan, go to the fallback as they came."""

    def __init__(self, registry: Registry, fallback: ASGIApp) -> None:
        self._registry, self._fallback = registry, fallback

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Serve one request, one WebSocket, or the fallback's lifespan (ASGI 3.0). One function, for it is the hot path."""
        # Find the entry: a plugin without routes leaves its mount to the fallback.
        path, root = scope.get("path", ""), scope.get("root_path", "")
        if root:
            root, path = _split(root, path)
        end = path.find("/", 1)
        entry = self._registry.table.mounts.get(path[1:end] if end > 0 else path[1:])
        if entry is None:
            return await self._fallback(scope, receive, send)
        app = entry.app
        if app is None or isinstance(entry, Unavailable):
            return await self._without_app(entry, scope, receive, send)

        # Visit it.
        request = Request(scope, receive, send)
        entry.visits.enter(request)
        token = current.set(entry.owner)
        scope["root_path"] = f"{root}/{entry.mount}"
        if root:
            scope["path"] = root + path
        scope["state"] = {**scope.get("state", {}), **entry.state}
        try:
            await app(scope, request.receive, request.send)
        except _ESCAPES as error:
            await _ended(entry, request, send, error)
        else:
            if request.over:
                await _ended(entry, request, send, None)
        finally:
            current.reset(token)
            entry.visits.leave(request)

    async def _without_app(self, entry: Entry, scope: ASGIScope, receive: Receive, send: Send) -> None:
        if isinstance(entry, Unavailable):
            await _refuse(scope, send, _why(entry))
        else:
            await self._fallback(scope, receive, send)


async def _ended(mounted: Mounted, request: Request, send: Send, error: BaseException | None) -> None:
    alone = request.returned()
    if isinstance(error, asyncio.CancelledError) and not alone:
        raise error
    if error is not None:
        _log(mounted, request, error)
    if request.begun:
        await request.close()
    elif request.over:
        stopping = PluginStopping(f"{mounted.owner} is being stopped; try again in a moment")
        await _refuse(request.scope, send, {**describe(stopping), "plugin": mounted.plugin, "retry_after": 1})
    else:
        await _refuse(request.scope, send, {**describe(PluginRaised(mounted.plugin)), "plugin": mounted.plugin})


def _log(mounted: Mounted, request: Request, error: BaseException) -> None:
    """After its drain, or after its client, has gone, nothing that escapes is the plugin's error."""
    quiet = request.over or request.gone
    owner = mounted.owner
    logger.log(
        logging.INFO if quiet else logging.ERROR,
        "a request was cut short" if quiet else "a request failed",
        exc_info=error,
        extra={"plugin": owner.plugin, "version": owner.version, "generation": owner.generation, "request": str(request)},
    )


def _why(entry: Unavailable) -> Mapping[str, object]:
    error = _UNAVAILABLE[entry.code](entry.detail)
    return {**describe(error), "plugin": entry.plugin, "retry_after": entry.retry_after}


async def _refuse(scope: ASGIScope, send: Send, problem: Mapping[str, object]) -> None:
    """A problem for HTTP; for a WebSocket the same as its denial response where the server can send one, else a close."""
    if scope["type"] == "http":
        await send_problem(send, problem)
    elif "websocket.http.response" in scope.get("extensions", ()):
        await send_problem(_denying(send), problem)
    else:
        await send({"type": "websocket.close", "code": INTERNAL_ERROR if problem["code"] == PluginRaised.code else TRY_AGAIN_LATER})


def _denying(send: Send) -> Send:
    async def denying(message: Message) -> None:
        await send({**message, "type": f"websocket.{message['type']}"})

    return denying


def _split(root: str, path: str) -> tuple[str, str]:
    """The incoming root path, and the path below it; a proxy may have cut the root path off already."""
    root = root.rstrip("/")
    if path == root or path.startswith(f"{root}/"):
        return root, path[len(root) :]
    return root, path
