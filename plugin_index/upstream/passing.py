"""Both halves together, as long as an index passes something through."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from plugin_index.shelf import Shelf
from plugin_index.storage import Storage
from plugin_index.upstream.chain import Chain
from plugin_index.upstream.files import Files
from plugin_index.upstream.pages import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """Pages and files of registries."""

    pages: Pages
    files: Files


@contextlib.asynccontextmanager
async def opened(chain: Chain, storage: Storage, shelf: Shelf, *, max_size: int) -> AsyncIterator[Upstream]:
    """Asks these registries until it is left."""
    client = chain.client()
    pages, files = Pages(storage, client, chain.urls), Files(shelf, client, max_size=max_size)
    try:
        yield Upstream(pages=pages, files=files)
    finally:
        await pages.close()
        await files.close()
        await client.close()
