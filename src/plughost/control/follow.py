"""One loop for each source: look at its list and at what it revokes, write it down, wake whom it touches, wait for a change.

What cannot be read changes nothing. A problem is told once, not at each look; it is gone when a look succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from plughost.catalog import Answer, Source
from plughost.control.health import next_try
from plughost.control.intents import Intents
from plughost.errors import CatalogError, PlughostError
from plughost.ledger import Ledger
from plughost.model.event import Emit, SourceProblem, SourceRecovered
from plughost.model.plugin import Listing
from plughost.model.revocation import Reasons

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What is known of one source; `checked` in seconds since the epoch."""

    url: str
    kind: str
    state: Literal["unknown", "ok", "problem"] = "unknown"
    checked: float | None = None
    problem: str | None = None
    entries: Mapping[str, str] = field(default_factory=dict)
    """Name of an entry that could not be taken → why."""


@dataclass(slots=True, kw_only=True)
class _Told:
    """What a source told and was not written down yet: it tells everything once, and a disk may be full."""

    answer: Answer | None = None
    revoked: Reasons | None = None


class Follower:
    """Keeps the intents equal to what one source lists."""

    def __init__(
        self, source: Source, *, ledger: Ledger, intents: Intents, wake: Callable[[frozenset[str]], None], emit: Emit, poll: float
    ) -> None:
        self.source, self._ledger, self._intents = source, ledger, intents
        self._wake, self._emit, self._poll = wake, emit, poll
        self.state = SourceState(url=source.url, kind=source.kind)
        self.asked = asyncio.Event()
        """Set when the source has been looked at once, with whatever result."""
        self._look = asyncio.Event()
        self._begun, self._looks, self._looked = 0, 0, asyncio.Condition()
        self._failures = 0
        self._untaken = _Told()

    async def run(self) -> None:
        """Follow for ever; ends by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            while True:
                self._look.clear()
                await self.look()
                await self._pause()

    async def refresh(self) -> SourceState:
        """Look now and answer what was seen; a look that has begun before does not count."""
        async with self._looked:
            before = self._begun
            self._look.set()
            await self._looked.wait_for(lambda: self._looks > before)
        return self.state

    async def answered(self) -> None:
        """Wait until a look has succeeded."""
        async with self._looked:
            await self._looked.wait_for(lambda: self.state.state == "ok")

    async def look(self) -> None:
        """One look at the list and at what is revoked: take what could be read, or tell the problem once."""
        self._begun += 1
        # What is revoked is read last, so that it is never older than the list whose change it may have been told by.
        errors = [await self._tried(step) for step in (self._see_list, self._see_revoked, self._take)]
        if error := next(filter(None, errors), None):
            self._ill(error)
        else:
            self._well()
        self.asked.set()
        async with self._looked:
            self._looks += 1
            self._looked.notify_all()

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> Exception | None:
        """Why the step failed; the other ones are taken all the same."""
        try:
            await step()
        except PlughostError as error:
            return error
        except Exception as error:  # law 9: a mistake of ours at one source must not end its loop
            logger.exception("look at source failed", extra={"source": self.source.url})
            return error
        return None

    async def _see_list(self) -> None:
        self._untaken.answer = await self.source.poll() or self._untaken.answer

    async def _see_revoked(self) -> None:
        if (revoked := await self.source.revoked()) is not None:
            self._untaken.revoked = revoked

    async def _take(self) -> None:
        """Write both down in one transaction and wake whom they touch, once."""
        told, url = self._untaken, self.source.url
        listings = self._changed(told.answer) if told.answer else None
        if listings is not None or told.revoked is not None:
            rows = None if listings is None else tuple(listings.values())
            try:
                await self._ledger.set_list(url, rows, told.answer.etag if told.answer else None, told.revoked)
            except PlughostError:  # a disk that is full must not keep alive what is revoked
                self._put(None, told.revoked)
                raise
            self._put(listings, told.revoked)
        if told.answer:
            self._tell_entries({problem.name: problem.problem for problem in told.answer.problems})
        self._untaken = _Told()

    def _put(self, listings: Mapping[str, Listing] | None, revoked: Reasons | None) -> None:
        """After the ledger, as everywhere: another process's rows may be read in between."""
        touched = frozenset[str]()
        if listings is not None:
            touched |= self._intents.put_list(self.source.url, listings)
        if revoked is not None:
            touched |= self._intents.put_revoked(self.source.url, revoked)
        if touched:
            self._wake(touched)

    def _changed(self, answer: Answer) -> Mapping[str, Listing] | None:
        """The source's list as it is from now on, None where it is what it was."""
        listings: dict[str, Listing] = {listing.name: listing for listing in answer.listings}
        kept = self._intents.listed_by(self.source.url)
        for problem in answer.problems:  # one bad entry changes nothing of what it is about
            if problem.name in kept and problem.name not in listings:
                listings[problem.name] = kept[problem.name]
        return listings if listings != kept or self.source.url not in self._intents.sources() else None

    def _well(self) -> None:
        self._failures = 0
        if self.state.state == "problem":
            logger.info("source recovered", extra={"source": self.source.url})
            self._emit(SourceRecovered(source=self.source.url))
        self.state = replace(self.state, state="ok", checked=time.time(), problem=None)

    def _ill(self, error: Exception) -> None:
        self._failures += 1
        problem = str(error)
        if problem != self.state.problem:
            logger.warning("source has a problem", extra={"source": self.source.url, "problem": problem})
            self._emit(SourceProblem(source=self.source.url, problem=problem))
        self.state = replace(self.state, state="problem", checked=time.time(), problem=problem)

    def _tell_entries(self, problems: Mapping[str, str]) -> None:
        for name, problem in problems.items():
            if self.state.entries.get(name) != problem:
                logger.warning("entry of source refused", extra={"source": self.source.url, "plugin": name, "problem": problem})
                self._emit(SourceProblem(source=self.source.url, problem=problem, entry=name))
        self.state = replace(self.state, entries=dict(problems))

    async def _pause(self) -> None:
        """Until the next poll is due, or something says look now."""
        seconds = self._poll * random.uniform(0.8, 1.2)  # noqa: S311 - many hosts must not ask at once
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._look.wait()

    async def _listen(self) -> None:
        """Follow the source's change stream, where it has one; polling goes on meanwhile."""
        await self.asked.wait()
        failures = 0
        while True:
            try:
                async for _ in self.source.changes():
                    failures = 0
                    self._look.set()
            except CatalogError as error:
                logger.debug("change stream ended", exc_info=error, extra={"source": self.source.url})
            except Exception:  # law 9, as in look
                logger.exception("change stream failed", extra={"source": self.source.url})
            failures += 1
            await asyncio.sleep(next_try(0.0, failures))


async def forget_sources(
    followers: tuple[Follower, ...], *, ledger: Ledger, intents: Intents, wake: Callable[[frozenset[str]], None]
) -> None:
    """Drop what sources that left the settings list and revoke, once every configured one has answered well."""
    for follower in followers:
        await follower.answered()
    for gone in {*intents.sources(), *intents.revoked.sources()} - {follower.source.url for follower in followers}:
        try:
            await ledger.drop_source(gone)
        except PlughostError as error:  # a full disk: what it listed stays until the next start
            logger.warning("source could not be forgotten", exc_info=error, extra={"source": gone})
        else:
            wake(intents.put_list(gone, None) | intents.put_revoked(gone, {}))
