"""uvicorn, with the end that both programs promise: drain, close what is endless, exit 0; a second signal ends it at once.

SIGTERM and Ctrl-C: the application is told (it answers 503 to what is new), WebSockets are closed with 1012, what has begun
has until the drain deadline, then whatever is left is cut, and cancelled. A request that swallows even that does not keep
the process (ending.py). uvicorn alone would wait for an endless stream for ever, and end with 143.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from plughost.errors import AddressUnavailable
from plughost.http.ending import LastResort
from plughost.types import ASGIApp

logger = logging.getLogger(__name__)
_GRACE = 2.0
"""Seconds for cutting what is left after the drain."""
_CANCEL = 0.5
"""Seconds for tasks to hear that they are cancelled."""
_FLUSH = 1
"""Seconds for clients to take what was answered."""


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
    last: Callable[[], None] = lambda: None,
    root_path: str = "",
    http: str | type[asyncio.Protocol] = "auto",
    loop: str = "auto",
) -> int:
    """Serve until a signal; answers the exit status, 1 where the application did not start.

    `stopping` is called by the first signal (in its handler: set a flag, no more), `cut` is awaited when the drain deadline
    has passed and requests are left, `last` is called in a thread if something does not end at all.
    Prints `serving on http://HOST:PORT` once it does; port 0 picks a free one. Raises AddressUnavailable.
    """
    bound = _bind(host, port)
    config = uvicorn.Config(
        app,
        http=http,
        loop=loop,
        ws="websockets-sansio",
        lifespan="on",
        log_config=None,
        access_log=False,
        root_path=root_path,
        timeout_graceful_shutdown=_FLUSH,
    )
    resort = LastResort(drain + _GRACE + _FLUSH + stop_deadline, last)
    server = Server(config, drain=drain, stopping=stopping, cut=cut, resort=resort)
    server.ready = lambda: _ready(bound, on_ready)
    server.address = (host, port)
    log = logging.getLogger("uvicorn.error")
    log.addFilter(server.is_news)
    try:
        server.run(sockets=[bound])
    except SystemExit:  # uvicorn's, when the lifespan did not come up; it has logged why
        return 1
    finally:
        log.removeFilter(server.is_news)
    return 0


class Server(uvicorn.Server):
    """uvicorn's server with a drain of its own."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        drain: float,
        stopping: Callable[[], None],
        cut: Callable[[], Awaitable[None]] | None,
        resort: LastResort,
    ) -> None:
        super().__init__(config)
        self.ready: Callable[[], None] = lambda: None
        self.address = ("", 0)
        self._begun: set[asyncio.Task[None]] = set()
        self._drain, self._stopping, self._cut, self._resort = drain, stopping, cut, resort

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of signal handlers
        """Begin to stop; a second signal ends the process at once."""
        if self.should_exit:
            os._exit(128 + sig)
        self.should_exit = True
        self._begun = set(self.server_state.tasks)  # what comes later is refused at once, and not waited for
        self._resort.begin()
        self._stopping()

    def is_news(self, record: logging.LogRecord) -> bool:
        """Whether uvicorn's line is worth a look: it calls a stream that was cut an application error."""
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        cancelled = self.should_exit and isinstance(error, asyncio.CancelledError)
        return not cancelled and "returned without" not in str(record.msg)

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
        if not self.should_exit:
            self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drain, cut what is left, then close as uvicorn does."""
        for connection in self._websockets():
            connection.shutdown()
        left = await _left(self._begun, self._drain)
        if left and self._cut is not None:
            await _within_grace(self._cut)
        for task in left:
            task.cancel()
        await _left(left, _CANCEL)
        for connection in self._websockets():
            # Its client takes nothing any more; uvicorn would close it a second time, which raises.
            connection.transport.abort()
        await asyncio.sleep(0)  # the loop tells them
        await super().shutdown(sockets)

    def _websockets(self) -> Iterator[Any]:
        for connection in list(self.server_state.connections):
            if type(connection).__module__.startswith("uvicorn.protocols.websockets"):
                yield connection


async def _left(tasks: set[asyncio.Task[None]], seconds: float) -> set[asyncio.Task[None]]:
    """Those that have not ended after so many seconds."""
    return (await asyncio.wait(tasks, timeout=seconds))[1] if tasks else tasks


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
