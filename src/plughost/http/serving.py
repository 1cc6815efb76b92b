"""uvicorn, with the end that both programs promise: drain, close what is endless, exit 0; a second signal ends it at once.

SIGTERM and Ctrl-C: the application is told (it answers 503 to what is new), WebSockets are closed with 1012, what has begun
has until the drain deadline, then whatever is left is cut. A request that swallows even that does not keep the process:
a timer in a thread ends it. uvicorn alone would wait for an endless stream for ever, and end with 143.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from plughost.errors import AddressUnavailable
from plughost.types import ASGIApp

logger = logging.getLogger(__name__)
_LOOK = 0.05
"""Seconds between two looks whether all requests have ended."""
_CUT = 1
"""Seconds that uvicorn gives to what is left after the drain."""
_GRACE = 2.0
"""Seconds that everything may take beyond its deadlines before the process ends all the same."""


def serve(
    app: ASGIApp,
    host: str,
    port: int,
    *,
    drain: float,
    stop_deadline: float = 10.0,
    stopping: Callable[[], None] = lambda: None,
    cut: Callable[[], Awaitable[None]] | None = None,
    on_ready: Callable[[], None] = lambda: None,
    root_path: str = "",
    http: str | type[asyncio.Protocol] = "auto",
) -> int:
    """Serve until a signal; answers the exit status, 1 where the application did not start.

    `stopping` is called by the first signal, `cut` is awaited when the drain deadline has passed and requests are left.
    Prints `serving on http://HOST:PORT` once it does; port 0 picks a free one. Raises AddressUnavailable.
    """
    bound = _bind(host, port)
    config = uvicorn.Config(
        app,
        http=http,
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        root_path=root_path,
        timeout_graceful_shutdown=_CUT,
    )
    server = Server(config, drain=drain, stop_deadline=stop_deadline, stopping=stopping, cut=cut)
    server.ready = lambda: _ready(bound, on_ready)
    server.address = (host, port)
    logging.getLogger("uvicorn.error").addFilter(_not_cut)
    try:
        server.run(sockets=[bound])
    except SystemExit:  # uvicorn's, when the lifespan did not come up; it has logged why
        return 1
    return 0


class Server(uvicorn.Server):
    """uvicorn's server with a drain of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain: float,
        stop_deadline: float,
        stopping: Callable[[], None],
        cut: Callable[[], Awaitable[None]] | None,
    ) -> None:
        super().__init__(config)
        self.ready: Callable[[], None] = lambda: None
        self.address = ("", 0)
        self._drain, self._stop_deadline, self._stopping, self._cut = drain, stop_deadline, stopping, cut

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of signal handlers
        """Begin to stop; a second signal ends the process at once."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True
        self._stopping()
        late = threading.Timer(self._drain + _GRACE + self._stop_deadline + _CUT, _give_up)
        late.daemon = True
        late.start()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say where; an address that another program took meanwhile is an error, and the application stops again."""
        try:
            await super().startup(sockets)
            listening = all(map(_listens, sockets or ()))
        except OSError:
            listening = False
        if not listening:
            await self.lifespan.shutdown()
            raise AddressUnavailable(*self.address, "another program took it while this one started")
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, cut what is left, then close as uvicorn does."""
        for connection in list(self.server_state.connections):
            if type(connection).__module__.startswith("uvicorn.protocols.websockets"):
                connection.shutdown()
        until = time.monotonic() + self._drain
        while self.server_state.tasks and time.monotonic() < until:  # noqa: ASYNC110 - uvicorn keeps a set, no event
            await asyncio.sleep(_LOOK)
        if self.server_state.tasks and self._cut is not None:
            await _within_grace(self._cut)
        await super().shutdown(sockets)


class ReasonProtocol(H11Protocol):
    """uvicorn's h11 protocol; a response header `x-reason` becomes the reason phrase, which is all that some clients print."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        limit = self.config.h11_max_incomplete_event_size
        self.conn = _Reasoned(h11.SERVER) if limit is None else _Reasoned(h11.SERVER, limit)


class _Reasoned(h11.Connection):
    def send(self, event: Any) -> Any:
        if isinstance(event, h11.Response):
            reasons = [value for name, value in event.headers if name == b"x-reason"]
            if reasons:
                rest = [(name, value) for name, value in event.headers if name != b"x-reason"]
                event = h11.Response(status_code=event.status_code, headers=rest, reason=reason_phrase(reasons[0]))
        return super().send(event)


def reason_phrase(text: bytes) -> bytes:
    """What may stand in a status line (RFC 9112, section 4): printable latin-1, at most 200 bytes, no CR or LF."""
    printable = bytes(byte if byte >= 0x20 and byte != 0x7F else 0x20 for byte in text)  # noqa: PLR2004 - control characters
    return printable[:200].strip()


async def _within_grace(cut: Callable[[], Awaitable[None]]) -> None:
    """Whatever becomes of it, the application stops afterwards."""
    try:
        async with asyncio.timeout(_GRACE):
            await cut()
    except TimeoutError:
        logger.warning("what is left could not be cut in time")
    except Exception:
        logger.exception("what is left could not be cut")


def _listens(bound: socket.socket) -> bool:
    """Whether it does; asyncio raises where it cannot, uvloop closes the socket and says nothing."""
    return bool(bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket; made with IPPROTO_TCP, else asyncio sets no TCP_NODELAY on its connections."""
    family = socket.AF_INET6 if _is_v6(host) else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:  # the latter: no such port
        bound.close()
        raise AddressUnavailable(host, port, getattr(error, "strerror", None) or str(error)) from None
    bound.set_inheritable(False)
    return bound


def _is_v6(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).version == 6  # noqa: PLR2004 - IPv6
    return False


def _ready(bound: socket.socket, on_ready: Callable[[], None]) -> None:
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"serving on http://{shown}:{port}\n")
    sys.stdout.flush()
    on_ready()


def _give_up() -> None:
    logger.error("something did not end within its deadlines; the process ends all the same")
    logging.shutdown()
    os._exit(0)


def _not_cut(record: logging.LogRecord) -> bool:
    """Uvicorn calls a stream that was cut an application error; whoever cut it has said so already."""
    return "returned without" not in str(record.msg)
