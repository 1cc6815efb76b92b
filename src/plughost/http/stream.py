"""Server-sent events (WHATWG HTML, section 9.2), as both programs send them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import StreamingResponse

from plughost.types import ASGIScope, Message, Receive, Send

ABORT = "plughost.abort"
"""The ASGI extension that cuts a request's connection, without waiting for its client."""
HEARTBEAT = 15.0
"""Seconds after which a comment shows that the stream is alive."""
PATIENCE = 30.0
"""Seconds that a client may take for what it is sent."""
_LOOK = 0.25
"""Seconds between two looks whether the server stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSentEvent:
    """One event; None is left out."""

    id: str | None = None
    event: str | None = None
    data: str | None = None

    def encode(self) -> bytes:
        """Its lines; a line break in `data` becomes a second data line, in the other two it is dropped."""
        lines = [f"{name}: {_one_line(value)}" for name, value in (("id", self.id), ("event", self.event)) if value is not None]
        if self.data is not None:
            lines += [f"data: {line}" for line in self.data.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
        return ("\n".join(lines) + "\n\n").encode(errors="replace")


def sse(
    events: AsyncIterator[ServerSentEvent],
    *,
    stopping: Callable[[], bool] = lambda: False,
    heartbeat: float = HEARTBEAT,
    patience: float = PATIENCE,
    headers: Mapping[str, str] | None = None,
) -> StreamingResponse:
    """The events as a response that ends when the events do, when the client leaves, or when the server stops.

    Who does not read is dropped: where a client takes longer than `patience` for what it is sent, its connection is cut.
    """
    said = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", **(headers or {})}
    return _EventStream(_paced(events, stopping, heartbeat), patience, headers=said)


class _EventStream(StreamingResponse):
    media_type = "text/event-stream"

    def __init__(self, lines: AsyncGenerator[bytes], patience: float, **named: Any) -> None:
        super().__init__(lines, **named)
        self._lines, self._patience = lines, patience

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        async def timely(message: Message) -> None:
            try:
                async with asyncio.timeout(self._patience):
                    await send(message)
            except TimeoutError:
                raise _TooSlow from None

        try:
            await super().__call__(scope, receive, timely)
        except _TooSlow:
            scope.get("extensions", {}).get(ABORT, lambda: None)()
            await asyncio.sleep(0)  # the server hears of it
        finally:
            await self._lines.aclose()


class _TooSlow(Exception):
    """The client does not take what it is sent."""


async def _paced(events: AsyncIterator[ServerSentEvent], stopping: Callable[[], bool], heartbeat: float) -> AsyncGenerator[bytes]:
    yield b": here\n\n"
    silent = 0.0
    following = _next(events)
    try:
        while not stopping():
            done, _ = await asyncio.wait({following}, timeout=_LOOK)
            if done:
                if (event := following.result()) is None:
                    return
                silent = 0.0
                yield event.encode()
                following = _next(events)
            elif (silent := silent + _LOOK) >= heartbeat:
                silent = 0.0
                yield b": alive\n\n"
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        if isinstance(events, AsyncGenerator):
            await events.aclose()


def _next(events: AsyncIterator[ServerSentEvent]) -> asyncio.Task[ServerSentEvent | None]:
    async def following() -> ServerSentEvent | None:
        return await anext(events, None)

    return asyncio.ensure_future(following())


def _one_line(text: str) -> str:
    return text.replace("\r", "").replace("\n", "")
