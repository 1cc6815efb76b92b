"""What registries offer of projects that have no file here: asked at most once in a while, and kept.

A project that ever had a file here is never asked for. What was kept of it before is forgotten with its first upload, and
pages and downloads look at our own files first, so that a name is either ours or the registry's (dependency confusion).
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

from plughost.net import Client
from plugin_index.errors import UpstreamUnreachable
from plugin_index.links import Link
from plugin_index.nouns import Offer
from plugin_index.storage import Rows, Storage
from plugin_index.upstream.asking import Found, ask
from plugin_index.upstream.flights import Flights

logger = logging.getLogger(__name__)
FRESH = 60.0
"""Seconds for which an answer counts."""
ABSENT = 10.0
"""Seconds for which it counts that nobody has a project."""
REMEMBERED = 4096
"""Projects of which it is in memory when they were asked for."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class _Looked:
    until: float
    revision: int | None


class Pages:
    """What registries offer of projects."""

    def __init__(self, storage: Storage, client: Client, urls: tuple[str, ...], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._storage, self._client, self._urls, self._clock = storage, client, urls, clock
        self._looked: dict[str, _Looked] = {}
        self._flights: Flights[_Looked] = Flights()
        self._revisions = count(1)
        self._signature = f"1.1 plugin-index-{secrets.token_hex(8)}"

    async def close(self) -> None:
        """Nobody is asked any more."""
        await self._flights.close()

    async def revision(self, project: str, via: str = "") -> int | None:
        """Another number after each change of what is offered of the project; None where no registry has it.

        `via`: that header of who asks here. Raises UpstreamUnreachable where nobody says and nothing is kept.
        """
        if self._signature in via or not _NAME.fullmatch(project) or len(project) > _LONGEST:
            return None
        looked = self._looked.get(project)
        if looked is None or looked.until <= self._clock():
            signed = f"{via}, {self._signature}" if via else self._signature
            looked = await self._flights.run(project, lambda: self._look(project, signed))
        return looked.revision

    async def links(self, project: str) -> tuple[Link, ...]:
        """What is offered, without what is revoked."""

        def read(rows: Rows) -> tuple[Link, ...]:
            revoked = {each.sha256 for each in rows.revoked()}
            return tuple(_link(offer) for offer in rows.offers(project) if offer.sha256 not in revoked)

        return await self._storage.read(read)

    async def _look(self, project: str, via: str) -> _Looked:
        known = await self._storage.read(lambda rows: rows.mirror(project))
        try:
            found = await ask(self._client, self._urls, project, known, via)
        except UpstreamUnreachable as error:
            if known is None:
                raise
            logger.warning("%s; what it said before is served", error.detail)
            return self._remember(project, FRESH, changed=False)
        if found is None:
            if known is not None:
                await self._storage.write(lambda rows: rows.drop_mirror(project))
            return self._remember(project, ABSENT, changed=None)
        if found.offers is not None or found.mirror != known:
            await self._storage.write(lambda rows: _keep(rows, found))
        return self._remember(project, FRESH, changed=found.offers is not None)

    def _remember(self, project: str, seconds: float, *, changed: bool | None) -> _Looked:
        """When it was asked for; `changed` None: it is not there."""
        before = self._looked.pop(project, None)
        while len(self._looked) >= REMEMBERED:
            self._looked.pop(next(iter(self._looked)))
        same = before.revision if before is not None and changed is False else None
        revision = None if changed is None else same or next(self._revisions)
        looked = self._looked[project] = _Looked(self._clock() + seconds, revision)
        return looked


def _keep(rows: Rows, found: Found) -> None:
    """Keep what was found, unless the name has become ours meanwhile."""
    project = found.mirror.project
    if not rows.of_project(project):
        rows.put_mirror(found.mirror, rows.offers(project) if found.offers is None else found.offers)


def _link(offer: Offer) -> Link:
    return Link(
        filename=offer.filename,
        version=offer.version,
        sha256=offer.sha256,
        size=offer.size,
        uploaded=offer.uploaded,
        requires_python=offer.requires_python,
        yanked=offer.yanked,
        metadata_sha256=offer.metadata_sha256,
    )
