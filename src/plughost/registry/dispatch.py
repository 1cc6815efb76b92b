"""The outermost ASGI application: the first path segment names the plugin, everything else is the fallback's."""

from __future__ import annotations

from plughost.registry.registry import Registry
from plughost.types import ASGIApp, ASGIScope, Receive, Send


class Dispatch:
    """Routes by one dict; requests without a mount, and the lifespan, go to the fallback."""

    def __init__(self, registry: Registry, fallback: ASGIApp) -> None:
        self._registry, self._fallback = registry, fallback

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        raise NotImplementedError
