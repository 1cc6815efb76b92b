"""A few threads of ours for every call that blocks: hashing, inflating, the disk (never a pool that plugins may exhaust)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from plughost.errors import HostStopping

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Runs synchronous functions beside the loop."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="plughost-store")
        self._closed = False
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What the work returns or raises; when the caller is cancelled, the work is done all the same. HostStopping once closed."""
        if self._closed:
            raise HostStopping
        future = asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))
        self._running.add(future)
        future.add_done_callback(self._ended)
        # Waiting, unlike awaiting, does not pass our cancellation on to work that is still in the queue.
        await asyncio.wait({future})
        return future.result()

    async def close(self) -> None:
        """Return when everything that was begun has ended."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running)
        self._pool.shutdown(wait=False)

    def _ended(self, future: asyncio.Future[Any]) -> None:
        self._running.discard(future)
        if not future.cancelled():
            future.exception()  # heard, also where the caller has gone
