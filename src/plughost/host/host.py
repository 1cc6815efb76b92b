"""The composition root: builds the rooms from the settings, joins them, and is one ASGI application.

A request goes to the host's own API, else to a plugin's mount, else to the application that embeds the host.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from starlette.middleware import Middleware

from plughost.api import Api
from plughost.errors import HostStopping, PathUnknown
from plughost.host.assembly import House, Stopping, assembled
from plughost.host.lifespan import around
from plughost.http import send_problem
from plughost.registry import Dispatch, Rendered, to_html
from plughost.sdk import Html
from plughost.settings import Settings
from plughost.types import ASGIApp, ASGIScope, Receive, Send


class Host:
    """An ASGI application: the host's API, every mounted plugin, and `app` behind them.

    `middleware` wraps all three; the core's own middleware does not see plugin requests. `provide` is what plugins get by
    `context.use(name)`. Everything starts with the lifespan (or `async with host.running():`).
    """

    def __init__(
        self,
        settings: Settings | None = None,
        app: ASGIApp | None = None,
        *,
        middleware: Sequence[Middleware] = (),
        provide: Mapping[str, object] | None = None,
    ) -> None:
        self.settings = settings or Settings.load()
        self.core = app
        self._provide = dict(provide or {})
        self._stopping = Stopping()
        self._house: House | None = None
        self._api: Api | None = None
        self._dispatch: Dispatch | None = None
        self._stack: ASGIApp = self._route
        for each in reversed(middleware):
            self._stack = each.cls(self._stack, *each.args, **each.kwargs)

    def __repr__(self) -> str:
        return f"<Host at {self.settings.home} {'running' if self._house else 'not running'}>"

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if scope["type"] == "lifespan":
            await around(self.running(), self.core, scope, receive, send)
        else:
            await self._stack(scope, receive, send)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Host]:
        """Start what the ledger and the sources say; on leaving, drain and stop it all."""
        self._stopping.set = False
        try:
            async with assembled(self.settings, self.core, self._provide, self._stopping) as house:
                self._dispatch = Dispatch(house.registry, self._behind)
                self._api = Api(house.console, house.tokens, core=self.core, version=version("plughost"))
                self._house = house
                try:
                    yield self
                finally:
                    self.stop_accepting()
        finally:
            self._house = self._api = self._dispatch = None

    def stop_accepting(self) -> None:
        """From now on new requests are answered 503 host-stopping; what has begun goes on."""
        self._stopping.set = True

    async def settled(self) -> None:
        """Wait until what should run at the start has served or failed, or the boot deadline has passed."""
        await self._running().settled.wait()

    async def cut(self) -> None:
        """End what is still under way inside plugins, as at the end of a drain."""
        if self._house:
            await self._house.console.actors.cut()

    async def render(self, slot: str, /, **props: object) -> Html:
        """The slot's fragments, joined; what failed or was late is an HTML comment with its code."""
        return Html(to_html(await self.rendered(slot, props)))

    async def rendered(self, slot: str, props: Mapping[str, object]) -> Rendered:
        """The slot's items and errors."""
        return await self._running().rendered(slot, props)

    def templates(self, **options: Any) -> Any:
        """Starlette's Jinja2Templates with `slot()` in it; takes what Jinja2Templates takes."""
        from plughost.web import Templates  # a host without pages needs no Jinja

        return Templates(self.rendered, **options)

    async def _route(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """No plugin has one of the host's own paths as its mount, so the one look-up that every plugin request needs comes first."""
        if self._dispatch is None or self._stopping():
            await self._closing(scope, receive, send)
        else:
            await self._dispatch(scope, receive, send)

    async def _closing(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        if self._api is not None and scope["type"] == "http" and self._api.owns(scope):
            await self._api(scope, receive, send)  # health is told to the end
        else:
            await _not_running(scope, send)

    async def _behind(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        if self._api is not None and scope["type"] == "http" and self._api.owns(scope):
            await self._api(scope, receive, send)
        elif self.core is not None:
            await self.core(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await send_problem(send, PathUnknown(scope["path"]))

    def _running(self) -> House:
        if self._house is None:
            raise HostStopping
        return self._house


async def _not_running(scope: ASGIScope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1012})
    else:
        await send_problem(send, HostStopping())
