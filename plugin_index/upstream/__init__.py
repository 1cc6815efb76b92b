"""What the index does not have, passed through from the registry that this machine is configured for (`--upstream`).

It answers for names that no file here ever had, keeps what it has passed on, and serves that when the registry is gone.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from plugin_index.shelf import Shelf
from plugin_index.storage import Storage
from plugin_index.upstream.chain import Chain
from plugin_index.upstream.files import Files
from plugin_index.upstream.pages import Pages

__all__ = ["Chain", "Files", "Pages", "Upstream", "opened"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Pages and files of registries; both None where nothing is passed through."""

    pages: Pages | None = None
    files: Files | None = None


@contextlib.asynccontextmanager
async def opened(chain: Chain | None, storage: Storage, shelf: Shelf, *, max_size: int) -> AsyncIterator[Upstream]:
    """Asks these registries until it is left."""
    if chain is None:
        yield Upstream()
        return
    client = chain.client()
    pages, files = Pages(storage, client, chain.urls), Files(shelf, client, max_size=max_size)
    try:
        yield Upstream(pages=pages, files=files)
    finally:
        await pages.close()
        await files.close()
        await client.close()
