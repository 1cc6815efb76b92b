"""Asking a source over HTTP: every way to fail becomes a CatalogError, so that nothing changes of what runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

from plughost.errors import FetchFailed, PlughostError, SourceInvalid, SourceUnreachable, WheelTooLarge
from plughost.net.client import Answer as Document
from plughost.net.client import Client

T = TypeVar("T")
CAP = 16 * 1024 * 1024
"""The largest document that is read."""
DEADLINE = 30.0
"""Seconds for one look at a source, whatever it takes."""
NOT_MODIFIED, NOT_FOUND = 304, 404
_OK, _BROKEN = 200, 500


@asynccontextmanager
async def within_deadline(url: str) -> AsyncIterator[None]:
    """All that is asked in here is answered within 30 s, or SourceUnreachable is raised."""
    try:
        async with asyncio.timeout(DEADLINE):
            yield
    except TimeoutError:
        raise SourceUnreachable(url, f"no whole answer came within {DEADLINE:g} s") from None


async def ask(client: Client, url: str, *, accept: str, unless: Collection[int], etag: str | None = None) -> Document | None:
    """The document, None where the status is one of `unless` (404 not there, 304 not modified); raises CatalogError."""
    headers = {"Accept": accept, **({"If-None-Match": etag} if etag else {})}
    answer = await _get(client, url, headers)
    if answer.status == _OK:
        return answer
    if answer.status in unless:
        return None
    if answer.status >= _BROKEN:
        raise SourceUnreachable(url, f"HTTP {answer.status}")
    raise SourceInvalid(url, f"HTTP {answer.status}")


async def off_loop(client: Client, job: Callable[[], T]) -> T:
    """The job's result, from one of the client's threads: reading 16 MiB of JSON takes a second."""
    return await asyncio.get_running_loop().run_in_executor(client.disk, job)


async def _get(client: Client, url: str, headers: Mapping[str, str]) -> Document:
    try:
        return await client.get(url, headers=headers, cap=CAP, deadline=DEADLINE)
    except FetchFailed as error:
        raise SourceUnreachable(url, error.reason) from error
    except WheelTooLarge:
        raise SourceInvalid(url, f"it is larger than {CAP // 1024 // 1024} MiB") from None
    except PlughostError as error:  # an origin or address that may not be asked: for a source that is a way to be down
        raise SourceUnreachable(url, str(error)) from error
