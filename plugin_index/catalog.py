"""The plugin list: what should run on every host that follows this index, with an ETag and a stream that tells of changes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from plughost.http import ServerSentEvent
from plughost.wheel import integrity
from plugin_index.choosing import wheels
from plugin_index.nouns import File
from plugin_index.shelf import Plugin, Shelf


@dataclass(frozen=True, slots=True)
class Published:
    """The list as it is now."""

    body: bytes
    etag: str
    edition: int


class PluginList:
    """Makes the list, once for each change of the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._now: Published | None = None
        self._making = asyncio.Lock()

    async def now(self) -> Published:
        """The list."""
        async with self._making:
            edition = self._shelf.edition
            if self._now is None or self._now.edition != edition:
                body = json.dumps(await self._entries()).encode()
                self._now = Published(body, f'"{hashlib.sha256(body).hexdigest()}"', edition)
            return self._now

    async def changes(self, known: str | None) -> AsyncIterator[ServerSentEvent]:
        """An event at each change of the list; at once where the client knows another list (`Last-Event-ID`)."""
        current = await self.now()
        told = current.etag if known is None else known
        while True:
            if current.etag != told:
                told = current.etag
                yield ServerSentEvent(id=told, event="changed", data="")
            await self._shelf.until_changed(current.edition)
            current = await self.now()

    async def _entries(self) -> list[Mapping[str, object]]:
        return [_entry(plugin, plugin.enabled.version) for plugin in await self._shelf.running() if plugin.enabled]


def _entry(plugin: Plugin, version: str) -> Mapping[str, object]:
    files = wheels(plugin.name, plugin.files, version)
    first = files[0]
    entry: dict[str, object] = {
        "name": plugin.name,
        "remoteEntryUrl": _url(first),
        "exposedModule": first.plugins[plugin.name].partition("[")[0].strip(),  # an entry point may name extras, a list does not
        "version": first.version,
        "integrity": integrity(first.sha256),
        "project": plugin.project,
    }
    if len(files) > 1:
        entry["wheels"] = [{"url": _url(file), "integrity": integrity(file.sha256)} for file in files]
    return entry


def _url(file: File) -> str:
    """Relative to the list's own address."""
    return f"../../files/{file.sha256}/{file.filename}"
