"""One generation, from its site to its end: the whole story of running a release.

A generation is a task that holds nested `async with`: lease a site → start the unit → probe → mount. A failure at any
stage unwinds what was entered and changes nothing else. Until it is mounted it is cancelled; once mounted it is told to
retire, drains its visits up to a deadline, stops, and gives its site back. Whoever started it waits for *settled*, which
means serving or ended; the last phase is written in `finally`, since a cancellation is no Exception.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from plughost.control.gate import Gate
from plughost.errors import HostFault, PlughostError, ProbeTimeout
from plughost.model.artifact import Site
from plughost.model.event import Emit, MountedEvent, PhaseChanged, Retired
from plughost.model.lifecycle import ENDED, Phase, Signal, advance
from plughost.model.owner import Owner, current
from plughost.model.plugin import Target
from plughost.model.sharing import Sharing
from plughost.registry import Mounted, Registry, Visits
from plughost.runtime import Unit

logger = logging.getLogger(__name__)
Report = Callable[..., None]


class Runtime(Protocol):
    """Runs a unit here; later also over there, in a worker."""

    def start(
        self, site: Site, sharing: Sharing, target: Target, owner: Owner, report: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Unit]:
        """A running unit, stopped on leaving; raises the leaves of errors/plugin.py."""
        ...


class Leases(Protocol):
    """What a generation asks of the store."""

    def lease(self, target: Target, report: Report) -> AbstractAsyncContextManager[Site]:
        """The target's site, obtained where it is not here yet, and kept on disk while entered."""
        ...


class Numbers(Protocol):
    """What a generation writes into the ledger."""

    async def generation_phase(self, number: int, phase: Phase) -> None:
        """Remember the phase, so that a crash while loading is known at the next start."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What generations stand on, and their deadlines in seconds."""

    store: Leases
    runtime: Runtime
    registry: Registry
    numbers: Numbers
    negotiate: Callable[[Site], Sharing]
    emit: Emit
    gate: Gate
    probe_deadline: float
    drain: float


class Generation:
    """One running copy of one release, numbered for ever."""

    def __init__(self, target: Target, number: int, rooms: Rooms, report: Report) -> None:
        self.target, self.number = target, number
        self.owner = Owner(target.name, target.version, number)
        self.phase = Phase.OBTAINING
        self.error: Exception | None = None
        self.sharing: Sharing | None = None
        self.left_out: tuple[str, ...] = ()
        self._site: Site | None = None
        self.mounted: Mounted | None = None
        self.settled, self.done = asyncio.Event(), asyncio.Event()
        self._rooms, self._report = rooms, report
        self._retire = asyncio.Event()
        self._drain = rooms.drain
        self._hurried = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Generation {self.owner} {self.phase}>"

    @property
    def proven(self) -> Target:
        """The target with the hash and the project that its wheel turned out to have, where nobody had told them before."""
        if self._site is None:
            return self.target
        own = self._site.own
        return replace(self.target, wheel=replace(self.target.wheel, sha256=own.sha256), project=own.project)

    @property
    def contains(self) -> Mapping[str, str]:
        """The sha256 of each wheel in it → the wheel's project and version; empty until it has them all."""
        return self._site.contains if self._site else {}

    @property
    def failure(self) -> PlughostError:
        """Why it ended, where it did not serve; what is no error of ours is logged, and told as a mistake of ours."""
        if isinstance(self.error, PlughostError):
            return self.error
        if self.error is None:
            return HostFault("a generation ended without a word")
        logger.error("generation failed", exc_info=self.error)
        return HostFault(f"{type(self.error).__name__}: {self.error}")

    @property
    def visits(self) -> int:
        """How many requests run inside it."""
        return len(self.mounted.visits) if self.mounted else 0

    def retire(self, report: Report | None = None) -> None:
        """It serves nothing new from now on; what has begun has until the drain deadline. `report` hears of drain and stop."""
        self._report = report or _unheard
        self._retire.set()

    def hurry(self) -> None:
        """Cut its drain short: too many old generations wait, or the host stops."""
        self._hurried.set()

    async def cut(self) -> None:
        """End its visits now, as at the end of a drain."""
        if self.mounted is not None:
            await self._rooms.registry.drain(self.mounted, 0)

    async def run(self) -> None:
        """Live the whole life; never raises but for cancellation."""
        current.set(self.owner)
        try:
            async with self._obtained() as (site, sharing), self._started(site, sharing) as unit:
                await self._probe(unit)
                async with self._serving(unit):
                    await self._retire.wait()
                    self._to(Signal.RETIRE)
            self.phase = advance(self.phase, Signal.STOPPED)
        except Exception as error:  # noqa: BLE001 - law 9: whatever the plugin's code raises ends this generation alone
            self._failed(error)
        finally:
            await self._ended()

    @contextlib.asynccontextmanager
    async def _obtained(self) -> AsyncIterator[tuple[Site, Sharing]]:
        async with self._rooms.store.lease(self.target, self._report) as site:
            self.left_out, self._site = site.left_out, site
            self._report("negotiate")
            self.sharing = sharing = self._rooms.negotiate(site)
            yield site, sharing

    @contextlib.asynccontextmanager
    async def _started(self, site: Site, sharing: Sharing) -> AsyncIterator[Unit]:
        async with contextlib.AsyncExitStack() as stack:
            async with self._rooms.gate:
                # Written before the import begins: a process that dies in it must not start this release again by itself.
                await self._rooms.numbers.generation_phase(self.number, Phase.IMPORTING)
                self._to(Signal.OBTAINED)
                unit = await stack.enter_async_context(self._rooms.runtime.start(site, sharing, self.target, self.owner, self._entered))
            if self.phase is Phase.IMPORTING:
                self._to(Signal.IMPORTED)
            self._to(Signal.STARTED)
            yield unit
            self._report("stop")

    def _entered(self, step: str) -> None:
        self._report(step)
        if step == "start":
            self._to(Signal.IMPORTED)

    async def _probe(self, unit: Unit) -> None:
        self._report("probe")
        deadline = self._rooms.probe_deadline
        try:
            async with asyncio.timeout(deadline):
                await unit.probe()
        except TimeoutError:
            raise ProbeTimeout(self.target.name, seconds=deadline) from None

    @contextlib.asynccontextmanager
    async def _serving(self, unit: Unit) -> AsyncIterator[None]:
        self._report("mount")
        self.mounted = Mounted(
            mount=self.target.mount,
            owner=self.owner,
            app=unit.app,
            visits=Visits(),
            contributions=unit.contributions,
            state=unit.state,
            openapi=unit.openapi,
        )
        await self._rooms.numbers.generation_phase(self.number, Phase.SERVING)
        self._rooms.registry.mount(self.mounted)
        self._to(Signal.PROVEN)
        self._rooms.emit(MountedEvent(**self._names(), mount=self.target.mount))
        self.settled.set()
        try:
            yield
        finally:
            self._report("drain")
            self._rooms.registry.unmount(self.mounted)
            await self._drained(self.mounted)
            if self.phase is Phase.DRAINING:
                self._to(Signal.DRAINED)

    async def _drained(self, mounted: Mounted) -> None:
        drain = asyncio.create_task(self._rooms.registry.drain(mounted, self._drain))
        hurried = asyncio.create_task(self._hurried.wait())
        try:
            await asyncio.wait({drain, hurried}, return_when=asyncio.FIRST_COMPLETED)
            if not drain.done():
                await self._rooms.registry.drain(mounted, 0)
            await drain
        finally:
            hurried.cancel()

    def _failed(self, error: Exception) -> None:
        self.error = error
        if self.phase not in ENDED:
            self.phase = advance(self.phase, Signal.FAIL)
        if self.settled.is_set():
            logger.error("generation failed while it ended", exc_info=error, extra=self._names())

    async def _ended(self) -> None:
        if self.phase not in ENDED:  # cancelled before it was mounted
            self.phase = Phase.FAILED
        self.settled.set()
        try:
            await self._rooms.numbers.generation_phase(self.number, self.phase)
        except Exception as error:
            logger.warning("generation's end was not written", exc_info=error, extra=self._names())
        finally:
            self._rooms.emit(PhaseChanged(**self._names(), phase=self.phase))
            self._rooms.emit(Retired(**self._names()))
            self.done.set()

    def _to(self, signal: Signal) -> None:
        self.phase = advance(self.phase, signal)
        self._rooms.emit(PhaseChanged(**self._names(), phase=self.phase))

    def _names(self) -> Mapping[str, Any]:
        return {"plugin": self.owner.plugin, "version": self.owner.version, "generation": self.number}


def _unheard(*_: object) -> None:
    """The drain of what an upgrade replaced is no part of the upgrade."""
