"""One request or WebSocket inside a generation, as the plugin's app sees it: a receive and a send that know of the drain.

At the drain's deadline whoever waits in receive gets a disconnect: the task that waits is remembered, cancelled, and its
cancellation turned into that message. A send raises OSError, as ASGI 2.4 says of a client that has gone, and an open
WebSocket gets its close frame (1012, service restart) from the host.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from plughost.types import ASGIScope, Message, Receive, Send

SERVICE_RESTART, INTERNAL_ERROR, TRY_AGAIN_LATER = 1012, 1011, 1013
"""WebSocket close codes (RFC 6455 and its IANA registry)."""
_BEGINS = frozenset({"http.response.start", "websocket.accept", "websocket.close", "websocket.http.response.start"})
_GONE = frozenset({"http.disconnect", "websocket.disconnect"})


class Cut(OSError):
    """The drain's deadline has passed: nothing more can be sent."""


class Request:
    """A visit; `begun`: something was answered, `gone`: its client left, `over`: the drain's deadline has passed."""

    __slots__ = ("_before", "_closing", "_cut", "_receive", "_returned", "_send", "_task", "_waiting", "begun", "gone", "over", "scope")

    def __init__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self._receive = receive
        self._send = send
        self._task = asyncio.current_task()
        self._waiting: set[asyncio.Task[Any]] | None = None
        self._closing: asyncio.Task[None] | None = None
        self._before: int | None = None
        self.begun = self.gone = self.over = self._cut = self._returned = False

    def __str__(self) -> str:
        return f"{self.scope.get('method', 'WebSocket')} {self.scope['path']}"

    @property
    def websocket(self) -> bool:
        """It is a WebSocket."""
        return bool(self.scope["type"] == "websocket")

    def send(self, message: Message) -> Any:
        """The server's send, until the drain is over; an awaitable, and no coroutine of its own, because this is the hot path."""
        if self._cut:
            raise Cut("the plugin is being stopped")
        if not self.begun and message["type"] in _BEGINS:
            self.begun = True
        return self._send(message)

    async def receive(self) -> Message:
        """The server's receive, until the drain is over; then a disconnect."""
        task = asyncio.current_task()
        if self.over or task is None:
            return self._disconnect()
        message = await self._received(task)
        if message["type"] in _GONE:
            self.gone = True
        return message

    async def _received(self, task: asyncio.Task[Any]) -> Message:
        waiting = self._waiting = self._waiting or set()
        waiting.add(task)
        before = task.cancelling()
        try:
            return await self._receive()
        except asyncio.CancelledError:
            # Ours only if the drain is over, and alone only if nobody else wants this task cancelled.
            if not self.over or task.uncancel() > before:
                raise
            return self._disconnect()
        finally:
            waiting.discard(task)

    def end(self) -> None:
        """Close the WebSocket, wake whoever waits for the client, refuse what is sent after an answer that has begun."""
        if self.over:
            return
        self.over, self._cut = True, self.begun
        if self.websocket and self.begun:
            # Before the app hears of it: a server that sees the app return first drops the connection without a close frame.
            self._closing = asyncio.create_task(self._close(SERVICE_RESTART))
        for task in tuple(self._waiting or ()):
            task.cancel()

    def cancel(self) -> None:
        """Cancel the request's own task, once; after the app has returned, only what is left to send."""
        if self._returned:
            if self._closing is not None:
                self._closing.cancel()
        elif self._before is None and self._task is not None:
            self._before = self._task.cancelling()
            self._task.cancel()

    def returned(self) -> bool:
        """The app has returned: take our own cancellation back; False if somebody else wants the task cancelled."""
        self._returned = True
        if self._task is None:
            return True
        if self._before is None:
            return not self._task.cancelling()
        return self._task.uncancel() <= self._before

    async def close(self) -> None:
        """End an open WebSocket truthfully: the close frame is out when this returns."""
        if self._closing is not None:
            await asyncio.wait({self._closing})
        elif self.websocket and self.begun:
            await self._close(SERVICE_RESTART if self.over else INTERNAL_ERROR)

    async def _close(self, code: int) -> None:
        with contextlib.suppress(Exception):  # the client has gone, or the app has closed it already
            await self._send({"type": "websocket.close", "code": code, "reason": ""})

    def _disconnect(self) -> Message:
        if self.websocket:
            return {"type": "websocket.disconnect", "code": SERVICE_RESTART, "reason": ""}
        return {"type": "http.disconnect"}
