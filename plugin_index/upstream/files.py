"""Files that registries offer: fetched when somebody wants them first, and kept only if they have the bytes that were promised."""

from __future__ import annotations

import contextlib
import os
import shutil
from urllib.parse import urlsplit

from plughost.net import Client, own_origin
from plughost.net.fetch import fetch
from plugin_index.errors import BlobMissing, BytesRevoked
from plugin_index.nouns import Offer
from plugin_index.shelf import Shelf
from plugin_index.storage import Rows
from plugin_index.upstream.chain import is_remote
from plugin_index.upstream.flights import Flights

DEADLINE = 1800.0
"""Seconds for one file."""
METADATA_CAP = 16 * 1024 * 1024
"""Bytes of a METADATA at most."""


class Files:
    """The bytes of what registries offer."""

    def __init__(self, shelf: Shelf, client: Client, *, max_size: int) -> None:
        self._shelf, self._client, self._max_size = shelf, client, max_size
        self._flights: Flights[int] = Flights()

    async def close(self) -> None:
        """Nothing is fetched any more."""
        await self._flights.close()

    async def offer(self, sha256: str, filename: str) -> Offer | None:
        """What a registry offers at this address; None also where the project is ours. Raises BytesRevoked."""

        def read(rows: Rows) -> Offer | None:
            offer = rows.offer(filename)
            if offer is None or offer.sha256 != sha256 or rows.of_project(offer.project):
                return None
            for revocation in rows.revoked():
                if revocation.sha256 == sha256:
                    raise BytesRevoked(filename, sha256=sha256, reason=revocation.reason)
            return offer

        return await self._shelf.read(read)

    async def file(self, offer: Offer) -> tuple[str, int]:
        """The sha256 and size of the file, whose bytes are kept from now on; raises what `plughost.net.fetch` does."""
        return offer.sha256, await self._kept(offer.sha256, offer.url, offer.filename, offer.size, self._max_size)

    async def metadata(self, offer: Offer) -> tuple[str, int] | None:
        """The sha256 and size of its METADATA, kept likewise; None where the registry has none."""
        if offer.metadata_sha256 is None:
            return None
        parts = urlsplit(offer.url)
        url = parts._replace(path=f"{parts.path}.metadata").geturl()
        size = await self._kept(offer.metadata_sha256, url, f"{offer.filename}.metadata", None, METADATA_CAP)
        return offer.metadata_sha256, size

    async def _kept(self, sha256: str, url: str, filename: str, size: int | None, cap: int) -> int:
        """Its size; where the bytes are not here, or not all of them, once they are fetched."""
        kept = await self._shelf.run(lambda: self._size(sha256))
        if kept is not None and size in {None, kept}:
            return kept
        return await self._flights.run(sha256, lambda: self._fetch(sha256, url, filename, cap))

    async def _fetch(self, sha256: str, url: str, filename: str, cap: int) -> int:
        """Its size, once the bytes are kept."""
        folder = self._shelf.blobs.incoming()
        rules = self._client.rules
        if is_remote(url):
            # As pip and uv do: a registry may say that its files lie elsewhere. What they are is told by the hash.
            rules = rules.plus([own_origin(url)], any_public=True)
        await self._shelf.run(folder.mkdir)
        try:
            fetched = await fetch(
                self._client, url, filename=filename, sha256=sha256, into=folder, cap=cap, deadline=DEADLINE, rules=rules, allow_file=True
            )
            await self._shelf.run(lambda: self._shelf.blobs.keep(fetched.path, sha256))
            return fetched.size
        finally:
            await self._shelf.run(lambda: shutil.rmtree(folder, ignore_errors=True))

    def _size(self, sha256: str) -> int | None:
        with contextlib.suppress(BlobMissing), self._shelf.blobs.open(sha256) as blob:
            return os.fstat(blob.fileno()).st_size
        return None
