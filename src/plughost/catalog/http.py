"""A plugin list over HTTP: `{base}/api/plugins/enabled` of an index, or one JSON file somewhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Final
from urllib.parse import urljoin, urlsplit

from packaging.version import Version

from plughost.catalog import schema
from plughost.catalog.ask import NOT_FOUND, NOT_MODIFIED, ask, off_loop, within_deadline
from plughost.catalog.hashes import with_hashes
from plughost.catalog.revoked import RevokedDocument
from plughost.catalog.simple import find_release
from plughost.catalog.source import Answer, Kind, speaks_for
from plughost.errors import PluginUnknown, ReleaseUnknown, SourceInvalid
from plughost.model.plugin import Listing, parse_name
from plughost.model.revocation import Reasons
from plughost.model.specifier import newest, parse_specifier
from plughost.net.client import Answer as Document
from plughost.net.client import Client
from plughost.net.events import follow

_LINK = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.IGNORECASE)


class ListSource:
    """One list, asked again and again, and told of by its event stream where it names one.

    It is read whole once in each process, whatever an earlier one knew, so that its problems are known in this one.
    """

    kind: Final[Kind] = "list"

    def __init__(self, url: str, client: Client, *, names: Sequence[str] = ("*",)) -> None:
        self.url, self.names = url, tuple(names)
        self._client = client
        self._base = None if urlsplit(url).path.endswith(".json") else url.rstrip("/")
        self._list = url if self._base is None else f"{self._base}/api/plugins/enabled"
        self.index = None if self._base is None else f"{self._base}/simple/"
        self._revoked = None if self._base is None else RevokedDocument(f"{self._base}/api/revoked", client)
        self._etag: str | None = None
        self._stream: str | None = None

    async def poll(self) -> Answer | None:
        """What the list says now, None where it is what it was."""
        async with within_deadline(self.url):
            document = await ask(self._client, self._list, accept="application/json", unless=(NOT_MODIFIED,), etag=self._etag)
            if document is None:
                return None
            listed = await self._parse(document)
            answer = await with_hashes(self._client, listed)
        self._stream = _monitor(document.headers.get("link", ""), document.url)
        # A hash that could not be looked up is asked for again, so the next answer must be whole.
        self._etag = answer.etag if len(answer.problems) == len(listed.problems) else None
        return answer

    async def revoked(self) -> Reasons | None:
        """What the index has revoked; a list that is a file of its own has no index to ask."""
        if self._revoked is None:
            return None
        async with within_deadline(self.url):
            return await self._revoked.poll()

    async def changes(self) -> AsyncIterator[None]:
        """Yields at each event of the stream that the last answer named, but for the one it already tells of."""
        if self._stream is None:
            return
        headers = {"Last-Event-ID": self._etag} if self._etag else {}
        async with aclosing(follow(self._client, self._stream, headers=headers)) as events:
            async for event in events:
                if _opaque(event.id) != _opaque(self._etag):
                    yield None

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        """The best release on the list's own index; of a list without one, the entry itself."""
        async with within_deadline(self.url):
            if self.index is None:
                return await self._find_listed(plugin, specifier)
            project = project or await self._project(plugin)
            return await find_release(self._client, self.index, plugin=plugin, project=project, specifier=specifier, source=self.url)

    async def _parse(self, document: Document) -> Answer:
        hears = partial(speaks_for, self.names)
        parse = partial(schema.parse_list, document.body, source=self.url, base=document.url, index=self.index, hears=hears)
        return replace(await off_loop(self._client, parse), etag=document.headers.get("etag"))

    async def _project(self, plugin: str) -> str:
        """What the index says carries the plugin; the project of the plugin's name where it does not say."""
        try:
            url = f"{self._base}/api/plugins/{parse_name(plugin)}"
            document = await ask(self._client, url, accept="application/json", unless=(NOT_FOUND,))
            return plugin if document is None else schema.parse_project(document.body, source=url)
        except SourceInvalid:  # a plain index behind a list; whether it lets us in, its page tells
            return plugin

    async def _find_listed(self, plugin: str, specifier: str | None) -> Listing:
        wanted = parse_specifier(specifier)
        document = await ask(self._client, self._list, accept="application/json", unless=(NOT_FOUND,))
        listings = (await with_hashes(self._client, await self._parse(document))).listings if document else ()
        listing = next((listing for listing in listings if listing.name == plugin), None)
        if listing is None:
            raise PluginUnknown(plugin)
        if newest([Version(listing.version)], wanted) is None:
            raise ReleaseUnknown(plugin, asked=specifier or "", present=[listing.version])
        return listing


def _monitor(header: str, base: str) -> str | None:
    """The target of the first link with relation `monitor` (RFC 8288, RFC 5989)."""
    for target, parameters in _LINK.findall(header):
        rel = _REL.search(parameters)
        if rel and "monitor" in (rel[1] or rel[2] or "").lower().split():
            return str(urljoin(base, target))
    return None


def _opaque(etag: str | None) -> str | None:
    return etag and etag.removeprefix("W/").strip('"')
