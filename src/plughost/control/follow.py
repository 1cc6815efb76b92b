"""One loop for each source: look at its list, write it down, wake whom it touches, wait for the next change.

What cannot be read changes nothing. A problem is told once, not at each look; it is gone when a look succeeds.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from plughost.catalog import Answer, Source
from plughost.control.health import next_try
from plughost.control.intents import Intents
from plughost.errors import CatalogError, PlughostError
from plughost.ledger import Ledger
from plughost.model.event import Emit, SourceProblem, SourceRecovered
from plughost.model.plugin import Listing

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
        self._untaken: Answer | None = None
        """A source tells an answer once; what could not be written down (a full disk) is kept for the next look."""

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
        """One look at the list: take it, or tell the problem once."""
        self._begun += 1
        try:
            self._untaken = await self.source.poll() or self._untaken
            if self._untaken is not None:
                await self._take(self._untaken)
                self._untaken = None
            self._well()
        except PlughostError as error:
            self._ill(error)
        except Exception as error:  # law 9: a mistake of ours at one source must not end its loop
            logger.exception("look at source failed", extra={"source": self.source.url})
            self._ill(error)
        self.asked.set()
        async with self._looked:
            self._looks += 1
            self._looked.notify_all()

    async def _take(self, answer: Answer) -> None:
        listings: dict[str, Listing] = {listing.name: listing for listing in answer.listings}
        kept = self._intents.listed_by(self.source.url)
        for problem in answer.problems:  # one bad entry changes nothing of what it is about
            if problem.name in kept and problem.name not in listings:
                listings[problem.name] = kept[problem.name]
        if listings != kept or self.source.url not in self._intents.sources():
            await self._ledger.set_list(self.source.url, tuple(listings.values()), answer.etag)
            self._wake(self._intents.put_list(self.source.url, listings))
        self._tell_entries({problem.name: problem.problem for problem in answer.problems})

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
    """Drop the lists of sources that left the settings, once every configured one has answered well."""
    for follower in followers:
        await follower.answered()
    for gone in intents.sources() - {follower.source.url for follower in followers}:
        try:
            await ledger.drop_source(gone)
        except PlughostError as error:  # a full disk: what it listed stays until the next start
            logger.warning("source could not be forgotten", exc_info=error, extra={"source": gone})
        else:
            wake(intents.put_list(gone, None))
