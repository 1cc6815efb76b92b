"""What an index has revoked: `{base}/api/revoked`, read at each look beside the list, and only as far as it has changed."""

from __future__ import annotations

from functools import partial

from plughost.catalog import schema
from plughost.catalog.ask import NOT_FOUND, NOT_MODIFIED, ask, off_loop
from plughost.model.revocation import Reasons
from plughost.net.client import Client


class RevokedDocument:
    """One document, asked again and again."""

    def __init__(self, url: str, client: Client) -> None:
        self._url, self._client = url, client
        self._etag: str | None = None

    async def poll(self) -> Reasons | None:
        """All that is revoked now, None where that is what it said last, or where no such document is published."""
        unless = (NOT_MODIFIED, NOT_FOUND)
        document = await ask(self._client, self._url, accept="application/json", unless=unless, etag=self._etag)
        if document is None:
            return None
        revoked = await off_loop(self._client, partial(schema.parse_revoked, document.body, source=self._url))
        self._etag = document.headers.get("etag")
        return revoked
