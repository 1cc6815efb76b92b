"""The hashes that a list leaves out, asked of the index that the list belongs to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from plughost.catalog.simple import project_page
from plughost.catalog.source import Answer, EntryProblem
from plughost.errors import CatalogError, ProjectUnknown
from plughost.model.plugin import Listing
from plughost.net.client import Client
from plughost.wheel.name import parse_filename

_AT_ONCE = 8
_PATIENCE = 10.0
"""Seconds for all look-ups together: entries that need none are not held up longer."""


async def with_hashes(client: Client, answer: Answer) -> Answer:
    """The answer with every hash that an index knows; an entry whose index cannot be asked becomes a problem.

    A hash that the index does not know stays unknown: whether such a wheel may run is for the trust rules.
    """
    if not any(_lacks(listing) for listing in answer.listings):
        return answer
    gate, until = asyncio.Semaphore(_AT_ONCE), asyncio.get_running_loop().time() + _PATIENCE
    found = await asyncio.gather(*(_completed(client, listing, gate, until) for listing in answer.listings))
    return replace(
        answer,
        listings=tuple(listing for listing in found if isinstance(listing, Listing)),
        problems=(*answer.problems, *(problem for problem in found if isinstance(problem, EntryProblem))),
    )


def _lacks(listing: Listing) -> bool:
    return listing.index is not None and any(wheel.sha256 is None for wheel in listing.wheels)


async def _completed(client: Client, listing: Listing, gate: asyncio.Semaphore, until: float) -> Listing | EntryProblem:
    if listing.index is None or not _lacks(listing):
        return listing
    try:
        async with asyncio.timeout_at(until), gate:
            known = await _hashes(client, listing.index, listing.wheels[0].filename)
    except CatalogError as error:
        return EntryProblem(name=listing.name, problem=f"its hash could not be looked up: {error}")
    except TimeoutError:
        return EntryProblem(name=listing.name, problem=f"its hash could not be looked up at {listing.index} in time")
    wheels = tuple(replace(wheel, sha256=wheel.sha256 or known.get(wheel.filename)) for wheel in listing.wheels)
    return replace(listing, wheels=wheels)


async def _hashes(client: Client, index: str, filename: str) -> Mapping[str, str | None]:
    try:
        page = await project_page(client, index, parse_filename(filename).project)
    except ProjectUnknown:
        return {}
    return {file.filename: file.sha256 for file in page}
