"""The plugin list: what should run on every host that follows this index, with an ETag and a stream that tells of changes."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from plughost.errors import ReleaseUnknown, RequestInvalid
from plughost.http import ServerSentEvent
from plughost.wheel import integrity
from plugin_index.nouns import Enabled, File
from plugin_index.shelf import Shelf


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
        owners = await self._shelf.plugins()
        entries = []
        for name, enabled in (await self._shelf.enabled()).items():
            release = chosen(name, await self._shelf.files(owners[name]), enabled.specifier)
            if release:
                entries.append(_entry(enabled, owners[name], release))
        return entries


def chosen(plugin: str, files: Sequence[File], specifier: str) -> tuple[File, ...]:
    """The files of the newest release that carries the plugin, fits and is not yanked; empty where there is none."""
    carrying = [file for file in files if plugin in file.plugins and file.yanked is None]
    wanted = parsed(specifier)
    fitting = list(wanted.filter({file.number for file in carrying}))
    if not fitting:
        return ()
    newest = max(fitting)
    return tuple(sorted((file for file in carrying if file.number == newest), key=lambda file: file.filename))


def demand_release(plugin: str, files: Sequence[File], specifier: str) -> None:
    """Raise ReleaseUnknown where nothing fits, RequestInvalid where it is no specifier."""
    if not chosen(plugin, files, specifier):
        present = sorted({file.version for file in files if plugin in file.plugins and file.yanked is None})
        raise ReleaseUnknown(plugin, asked=specifier, present=present)


def parsed(specifier: str) -> SpecifierSet:
    """The specifier (PEP 440); a bare version means that one. Raises RequestInvalid."""
    try:
        Version(specifier)
    except InvalidVersion:
        pass
    else:
        return SpecifierSet(f"=={specifier}", prereleases=True)
    try:
        return SpecifierSet(specifier)
    except InvalidSpecifier:
        raise RequestInvalid(f"{specifier!r} is neither a version nor a specifier like '>=1,<2'") from None


def _entry(enabled: Enabled, project: str, files: Sequence[File]) -> Mapping[str, object]:
    first = files[0]
    entry: dict[str, object] = {
        "name": enabled.plugin,
        "remoteEntryUrl": _url(first),
        "exposedModule": first.plugins[enabled.plugin],
        "version": first.version,
        "integrity": integrity(first.sha256),
        "project": project,
    }
    if len(files) > 1:
        entry["wheels"] = [{"url": _url(file), "integrity": integrity(file.sha256)} for file in files]
    return entry


def _url(file: File) -> str:
    """Relative to the list's own address."""
    return f"../../files/{file.sha256}/{file.filename}"
