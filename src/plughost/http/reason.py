"""uvicorn's httptools protocol with what an index needs besides: a reason phrase, requests that end, connections that can be cut.

Some clients print nothing of a refusal but the reason phrase, and ASGI cannot say one; uvicorn bounds neither the size of a
request's head, nor the time that a client takes for it, for the rest of a request which has been answered, or for an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from plughost.http.stream import ABORT
from plughost.types import ASGIScope

EXTENSION = "plughost.reason"
HEAD_BYTES = 64 * 1024
"""Of a request's line and headers at most."""
HEAD_SECONDS = 30.0
"""From a request's first byte, or the connection, to the end of its headers at most."""
REST_SECONDS = 1800.0
"""For the rest of a request that has been answered; some clients read no answer before they have sent everything."""
TAKE_SECONDS = 60.0
"""In which a client takes nothing at all of what waits for it."""
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


def say_reason(scope: ASGIScope, text: str) -> None:
    """Let the response that follows carry this reason phrase, where the server can; nothing else of the text gets into the head."""
    speak: Callable[[bytes], None] | None = scope.get("extensions", {}).get(EXTENSION)
    if speak is not None:
        speak(reason_phrase(text.encode("latin-1", "replace")))


def reason_phrase(text: bytes) -> bytes:
    """What may stand in a status line (RFC 9112, section 4): printable latin-1, at most 200 bytes, no CR or LF."""
    printable = bytes(byte if byte >= 0x20 and byte != 0x7F else 0x20 for byte in text)  # noqa: PLR2004 - control characters
    return printable[:200].strip()


class ReasonProtocol(HttpToolsProtocol):
    """`say_reason` is heard; what is too large or too slow ends the connection: a head, a body, a client that takes no answer."""

    head_bytes, head_seconds, rest_seconds, take_seconds = HEAD_BYTES, HEAD_SECONDS, REST_SECONDS, TAKE_SECONDS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_bytes = 0
        self._head_due: asyncio.TimerHandle | None = None
        self._rest_due: asyncio.TimerHandle | None = None
        self._take_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own signature
        """As a protocol does."""
        super().connection_made(transport)
        self._head_begins()

    def connection_lost(self, exc: Exception | None) -> None:
        """As a protocol does."""
        self._head_ends()
        self._rest_ends()
        self._take_ends()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As a protocol does."""
        super().data_received(data)
        if self._head_due is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.head_bytes:
                self._refuse_head(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        if self._head_due is None:
            self._head_begins()

    def on_headers_complete(self) -> None:
        """Its head has ended."""
        self._head_ends()
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            cycle = self.cycle
            extensions: dict[str, Any] = cycle.scope.setdefault("extensions", {})
            extensions[EXTENSION] = lambda reason: _speak(cycle, reason)
            extensions[ABORT] = self.transport.abort

    def on_body(self, body: bytes) -> None:
        """Some of a body has come."""
        super().on_body(body)
        if self._rest_due is not None:
            self._may_be_idle()

    def on_message_complete(self) -> None:
        """A request has come whole."""
        super().on_message_complete()
        if self._rest_due is not None:
            self._rest_ends()
            self._head_begins()
            self._may_be_idle()

    def on_response_complete(self) -> None:
        """A request has been answered; the next one begins within its time, however little of it trickles in."""
        super().on_response_complete()
        if self.transport.is_closing() or not self.cycle.response_complete:
            return
        if self.cycle.more_body:
            self._rest_due = self.loop.call_later(self.rest_seconds, self.transport.close)
        elif self._head_due is None:
            self._head_begins()

    def pause_writing(self) -> None:
        """As a protocol does."""
        super().pause_writing()
        self._take_begins()

    def resume_writing(self) -> None:
        """As a protocol does."""
        self._take_ends()
        super().resume_writing()

    def _take_begins(self) -> None:
        self._take_due = self.loop.call_later(self.take_seconds, self._look, self.transport.get_write_buffer_size())

    def _take_ends(self) -> None:
        if self._take_due is not None:
            self._take_due.cancel()
            self._take_due = None

    def _look(self, waiting: int) -> None:
        """Nothing is written meanwhile, so that what waits becomes less unless the client takes nothing."""
        if self.transport.get_write_buffer_size() < waiting:
            self._take_begins()
        else:
            self.transport.abort()

    def _may_be_idle(self) -> None:
        """Idle connections end, though uvicorn stops their time with every byte, and starts it with answers alone."""
        if self.timeout_keep_alive_task is None:
            self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _head_begins(self) -> None:
        self._head_bytes = 0
        self._head_due = self.loop.call_later(self.head_seconds, self._refuse_head, _TOO_SLOW)

    def _head_ends(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _rest_ends(self) -> None:
        if self._rest_due is not None:
            self._rest_due.cancel()
            self._rest_due = None

    def _refuse_head(self, answer: bytes) -> None:
        self._head_ends()
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer is being sent: nothing may stand in its middle
        elif not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()


def _speak(cycle: Any, reason: bytes) -> None:
    """The next write of this response is its head."""
    cycle.transport = _Reasoned(cycle, cycle.transport, reason)


class _Reasoned:
    """A transport that puts the reason into the status line which is written next, and is not in the way afterwards."""

    def __init__(self, cycle: Any, transport: asyncio.Transport, reason: bytes) -> None:
        self._cycle, self._transport, self._reason = cycle, transport, reason

    def write(self, data: bytes) -> None:
        line, rest = data.split(b"\r\n", 1)
        version, status, *_ = line.split(b" ", 2)
        self._cycle.transport = self._transport
        self._transport.write(b" ".join((version, status, self._reason)) + b"\r\n" + rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
