"""A folder of wheels as a source: the author's loop, and an index for machines without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from plughost.catalog.folder import Folder, Stamp
from plughost.catalog.source import Answer, Kind, speaks_for
from plughost.model.plugin import Listing
from plughost.model.revocation import Reasons

_T = TypeVar("_T")
_EVERY = 0.5
_SETTLED = 0.1
"""Seconds between looks at the directory, and for how long it has to stay as it is before a change counts."""


class FolderSource:
    """Each wheel in it that carries a plugin is listed: the newest version of each, or exactly what its `plugins.json` says."""

    kind: Final[Kind] = "folder"

    def __init__(self, folder: Path, *, names: Sequence[str] = ("*",)) -> None:
        self.names = tuple(names)
        self._folder = Folder(folder.absolute(), hears=partial(speaks_for, self.names))
        self.url = self.index = self._folder.url
        self._seen: tuple[Stamp, ...] | None = None
        self._told: tuple[Stamp, ...] | None = None
        self._revoked: Reasons | None = None
        self._reader = ThreadPoolExecutor(1, "plughost folder")

    async def poll(self) -> Answer | None:
        """What it lists now, None where no file has changed since it was told last."""
        self._seen = await self._read(self._folder.state)
        if self._seen == self._told:
            return None
        state, answer = self._seen, await self._read(self._folder.listed)
        self._told = state
        return answer

    async def revoked(self) -> Reasons | None:
        """What the `revoked.json` in it says, where there is one; a list that is empty lifts what it said before."""
        told, self._revoked = self._revoked, await self._read(self._folder.revoked)
        return None if self._revoked == told else self._revoked

    async def changes(self) -> AsyncIterator[None]:
        """Yields when files have come, gone or changed since the last look, and have stayed so for a moment."""
        while True:
            await asyncio.sleep(_EVERY)
            state = await self._read(self._folder.state)
            if state == self._seen:
                continue
            while state != (later := await self._later()):
                state = later
            self._seen = state
            yield None

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        """The newest release of the plugin among its wheels."""
        return await self._read(partial(self._folder.found, plugin, project=project, specifier=specifier))

    async def _later(self) -> tuple[Stamp, ...]:
        await asyncio.sleep(_SETTLED)
        return await self._read(self._folder.state)

    async def _read(self, job: Callable[[], _T]) -> _T:
        """Disks may be slow, and hashing is: in a thread of this source's own."""
        return await asyncio.get_running_loop().run_in_executor(self._reader, job)
