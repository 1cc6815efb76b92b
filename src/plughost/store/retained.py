"""What stays on disk though nothing runs it: each plugin's current and previous release, for restarts and rollbacks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from plughost.store.leases import Leases
from plughost.store.threads import Threads

logger = logging.getLogger(__name__)


class Retained:
    """Leases by plugin, brought up to date beside whoever asks."""

    def __init__(self, leases: Leases, threads: Threads, *, site: Callable[[str], frozenset[str]], present: Callable[[str], bool]) -> None:
        self._leases, self._threads, self._site, self._present = leases, threads, site, present
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._leased: dict[str, frozenset[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()

    def retain(self, plugin: str, releases: Iterable[str]) -> None:
        """From now on these releases of the plugin, by the sha256 of its wheel, and no others."""
        self._wanted[plugin] = tuple(releases)
        task = asyncio.get_running_loop().create_task(self._renew(plugin))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def settled(self) -> None:
        """Return when everything said so far has been carried out."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop writing."""
        for task in self._tasks:
            task.cancel()
        await self.settled()

    async def _renew(self, plugin: str) -> None:
        async with self._one_by_one:
            releases = self._wanted.pop(plugin, None)
            if releases is None:
                return  # a later word was carried out already
            sites = await asyncio.gather(*(self._threads.run(self._site, release) for release in releases))
            digests = frozenset[str]().union(*sites)
            self._leases.lease(digests)
            self._leases.release(self._leased.pop(plugin, frozenset()))
            self._leased[plugin] = digests
            await self._leases.write_down(digests, self._present)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        # This process keeps them all the same; only others do not know of it.
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("retained releases were not written down", exc_info=error)
