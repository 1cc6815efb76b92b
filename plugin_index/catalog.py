"""The plugin list: what should run on every host that follows this index, and what none may run.

Both change together: the list's ETag names the revocations too, so that the stream of its changes tells of either.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from plughost.errors import OperatorError
from plughost.http import ServerSentEvent
from plughost.wheel import integrity
from plugin_index.choosing import wheels
from plugin_index.nouns import File, Revocation, Token, instant
from plugin_index.shelf import Plugin, Shelf

Reader = Callable[[], Awaitable[Token | None]]
"""Who reads, where they still may; None: everybody may. Raises an OperatorError otherwise."""


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes of JSON, and their ETag."""

    body: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Published:
    """Both documents as they are now."""

    entries: tuple[tuple[str, Mapping[str, object]], ...]
    """(project, entry)."""
    listed: Document
    revoked: Document
    edition: int


class PluginList:
    """Makes the list, once for each change of the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._now: Published | None = None
        self._making = asyncio.Lock()

    async def now(self) -> Published:
        """The list and the revocations."""
        async with self._making:
            edition = self._shelf.edition
            if self._now is None or self._now.edition != edition:
                self._now = _published(*await self._shelf.running(), edition)
            return self._now

    async def changes(self, known: str | None, reader: Reader) -> AsyncIterator[ServerSentEvent]:
        """An event at each change of what the reader may read; at once where the client knows another list (`Last-Event-ID`).

        It ends with the change at which the reader may read no more.
        """
        current, token = await self.now(), await reader()
        told = readable(current, token).etag if known is None else known
        while True:
            if (etag := readable(current, token).etag) != told:
                told = etag
                yield ServerSentEvent(id=told, event="changed", data="")
            await self._shelf.until_changed(current.edition)
            try:
                current, token = await self.now(), await reader()
            except OperatorError:
                return


def readable(published: Published, token: Token | None) -> Document:
    """The list of what the token may read; None: everything."""
    if token is None:
        return published.listed
    return _listed([entry for project, entry in published.entries if token.may("read", project)], published.revoked.body)


def _published(plugins: Sequence[Plugin], revocations: Sequence[Revocation], edition: int) -> Published:
    entries = [(plugin.project, entry) for plugin in plugins if plugin.enabled and (entry := _entry(plugin, plugin.enabled.version))]
    revoked = json.dumps({"revoked": [{**asdict(each), "at": instant(each.at)} for each in revocations]}).encode()
    listed = _listed([entry for _, entry in entries], revoked)
    return Published(tuple(entries), listed, Document(revoked, _etag(revoked)), edition)


def _listed(entries: Sequence[Mapping[str, object]], revoked: bytes) -> Document:
    body = json.dumps(entries).encode()
    return Document(body, _etag(body + revoked))


def _etag(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()}"'


def _entry(plugin: Plugin, version: str) -> Mapping[str, object] | None:
    """None where nothing of the release is offered any more."""
    files = wheels(plugin.name, plugin.files, version)
    if not files:
        return None
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
