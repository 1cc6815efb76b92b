"""The store's story: a target becomes a site, and stays on disk while it is leased.

Fetch and verify the plugin's wheel → read its lock, or resolve what it requires → fetch and verify its dependencies, all at
once → see that the closure is whole → write the lock. Each wheel is unpacked once for the machine, each job runs once for
all who ask, and what is on disk already is asked of nobody: a start, a rollback or a replica needs no network.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from plughost.errors import AddressNotAllowed, OriginNotAllowed, PlughostError
from plughost.model import revocation
from plughost.model.artifact import Site, StoredWheel
from plughost.model.plugin import Target
from plughost.model.revocation import Reasons
from plughost.model.sharing import HostShare
from plughost.net import Client, Origin
from plughost.store import dependencies
from plughost.store.claims import check_claims
from plughost.store.closure import Ask, asks, needs_only_the_host, refusal
from plughost.store.disk import explained
from plughost.store.layout import Layout
from plughost.store.leases import Leases
from plughost.store.lock import Lock, Locks, without_credentials
from plughost.store.once import Once, Report
from plughost.store.origins import Origins
from plughost.store.pins import Pins, dependency_release, plugin_release
from plughost.store.pip import Pip
from plughost.store.resolve import Pinned, Question, Resolver
from plughost.store.retained import Retained
from plughost.store.supply import Caps, Supply
from plughost.store.threads import Threads
from plughost.store.turn import turn
from plughost.store.uv import Uv
from plughost.store.wheels import Wheels

_THREADS = min(8, (os.cpu_count() or 1) + 2)


class Store:
    """Sites by target, on one home that other processes may use too."""

    def __init__(
        self,
        home: Path,
        *,
        client: Client,
        resolver: Resolver | Literal["uv", "pip"],
        share: HostShare,
        boot: str,
        max_size: int = 512 << 20,
        fetch_deadline: float = 300,
        resolve_deadline: float = 120,
        tokens: Mapping[Origin, str] | None = None,
        environ: Mapping[str, str] = os.environ,
        revoked: Callable[[], Reasons] = dict,
    ) -> None:
        self._layout = Layout(root=home / "store", boot=boot)
        self._threads = Threads(_THREADS)
        self._wheels, self._locks, self._pins = Wheels(self._layout), Locks(self._layout), Pins(self._layout)
        self._leases = Leases(self._layout, self._threads)
        self._retained = Retained(self._leases, self._threads, site=self._digests, present=self._wheels.has)
        self._share, self._revoked = share, revoked
        self._origins = Origins(client, tokens=tokens or {}, environ=environ)
        self._resolver = self._chosen(resolver, resolve_deadline, environ)
        self._supply = Supply(
            layout=self._layout,
            wheels=self._wheels,
            threads=self._threads,
            client=client,
            forbidden=frozenset[str]().union(*(one.tops for one in share.values() if one.kind == "strict")),
            caps=Caps(size=max_size, seconds=fetch_deadline),
        )
        self._once: Once[Target, Site] = Once()
        self._closed = False

    def __repr__(self) -> str:
        return f"<Store {self._layout.root}>"

    async def open(self) -> None:
        """Make the store's directories and become one of the processes that use them; sweeps out what dead ones left."""
        with explained(self._layout.root):
            await self._threads.run(self._layout.make)
            await self._threads.run(self._leases.open)

    async def close(self) -> None:
        """End what runs, and be no user of the home any more; may be called again."""
        if self._closed:
            return
        self._closed = True
        await self._once.close()
        await self._supply.close()
        await self._retained.close()
        await self._threads.run(self._leases.close)
        await self._threads.close()

    def alive(self, boot: str) -> bool:
        """Whether the process of that boot id uses this home now."""
        return self._leases.alive(boot)

    @contextlib.asynccontextmanager
    async def lease(self, target: Target, report: Report) -> AsyncIterator[Site]:
        """The target's site, obtained where it is not on disk, and kept there while entered.

        Raises ArtifactError, CatalogError or HostError.
        """
        while True:
            site = await self._site(target, report)
            async with contextlib.AsyncExitStack() as held:
                with explained(self._layout.root):
                    missing = await held.enter_async_context(self._leases.hold(site.digests, self._wheels.has))
                if not missing:
                    self._refuse_revoked(target, site.contains)
                    yield site
                    return
            # Pruned between the moment it was there and the moment it was leased: obtained again.

    def retain(self, plugin: str, releases: Iterable[str]) -> None:
        """Keep the sites of these releases of the plugin (sha256s of its wheels) on disk, and of no others."""
        self._retained.retain(plugin, releases)

    def has(self, target: Target) -> bool:
        """Whether a lease of the target would need neither network nor resolver; looks at the disk."""
        try:
            return self._ready(target) is not None
        except PlughostError:
            return False

    async def prune(self) -> tuple[str, ...]:
        """Delete the wheels that no live process leases or retains; their digests."""
        with explained(self._layout.root):
            await self._retained.settled()
            return await self._threads.run(self._prune)

    async def purge(self, project: str) -> None:
        """Forget which bytes the project's releases had: other ones may be accepted."""
        with explained(self._layout.root):
            await self._threads.run(self._pins.forget, project)

    async def _site(self, target: Target, report: Report) -> Site:
        check_claims(target)
        if (promised := self._origins.own(target).sha256) is not None:
            self._refuse_revoked(target, {promised: target.wheel.filename})
        with explained(self._layout.root):
            ready = await self._threads.run(self._ready, target)
        return ready or await self._once.run(target, partial(self._obtained, target), report)

    def _ready(self, target: Target) -> Site | None:
        """The site where all of it is on disk already."""
        if (sha256 := self._origins.own(target).sha256) is None:
            return None
        if (release := plugin_release(target)) is not None:
            self._pins.check(release, sha256)
        if (own := self._wheels.read(sha256)) is None:
            return None
        if needs_only_the_host(str(target), own, self._share):
            return _site(own)
        if (lock := self._locks.read(sha256)) is None or not lock.holds(self._share):
            return None
        others = [wheel for row in lock.others if (wheel := self._wheels.read(row.sha256)) is not None]
        return _site(own, others) if len(others) == len(lock.others) else None

    async def _obtained(self, target: Target, report: Report) -> Site:
        with explained(self._layout.root):
            async with contextlib.AsyncExitStack() as held:
                # The plugin's own wheel: its bytes, and that they are the ones this release had before.
                own = await self._supply.get(self._origins.own(target), report)
                await held.enter_async_context(self._leases.hold({own.sha256}, self._wheels.has))
                if (release := plugin_release(target)) is not None:
                    await self._threads.run(self._pins.accept, release, own.sha256)
                if needs_only_the_host(str(target), own, self._share):
                    return _site(own)

                # Its dependencies, as the lock says; where there is none that holds, a resolver is asked, once on this machine.
                async with turn(self._layout.turns / self._locks.name(own.sha256), self._threads):
                    lock = await self._threads.run(self._locks.read, own.sha256)
                    if lock is None or not lock.holds(self._share):
                        return await self._resolved(target, own, report, held)
                others = await self._gathered(target, own, lock.others, report, held)
                return _site(own, others)

    async def _resolved(self, target: Target, own: StoredWheel, report: Report, held: contextlib.AsyncExitStack) -> Site:
        report("resolve")
        rows = await self._resolver.resolve(self._question(target, own))
        others = await self._gathered(target, own, rows, report, held)

        # Resolvers can be configured to leave things out, so that the closure is looked at before it is written down.
        closure = asks(own, others, self._share)
        if (error := refusal(str(target), closure, self._share)) is not None:
            raise error
        lock = self._lock(target, own, [row for row in rows if row.sha256 in {wheel.sha256 for wheel in others}], closure)
        await self._threads.run(self._locks.write, lock)
        return _site(own, others)

    async def _gathered(
        self, target: Target, own: StoredWheel, rows: Sequence[Pinned], report: Report, held: contextlib.AsyncExitStack
    ) -> tuple[StoredWheel, ...]:
        """The wheels of those rows that the plugin needs of its own, kept on disk by `held`."""
        report("install")
        await held.enter_async_context(self._leases.hold([row.sha256 for row in rows], self._wheels.has))
        return await dependencies.obtain(own, rows, self._share, get=partial(self._dependency, target), report=report)

    async def _dependency(self, target: Target, row: Pinned, report: Report) -> StoredWheel:
        self._refuse_revoked(target, {row.sha256: f"{row.project} {row.version}"})
        release = dependency_release(row)
        if release is not None:
            await self._threads.run(self._pins.check, release, row.sha256)
        wheel = await self._supplied(target, row, report)
        if release is not None:
            await self._threads.run(self._pins.accept, release, row.sha256)
        return wheel

    async def _supplied(self, target: Target, row: Pinned, report: Report) -> StoredWheel:
        try:
            return await self._supply.get(self._origins.dependency(row, target.index), report)
        except (OriginNotAllowed, AddressNotAllowed):
            if (order := await self._origins.other(row, target.index)) is None:
                raise
        return await self._supply.get(order, report)

    def _refuse_revoked(self, target: Target, contains: Mapping[str, str]) -> None:
        """Asked of what is promised before it is fetched, and of the whole site before anyone has it."""
        if (error := revocation.refusal(target, contains, self._revoked())) is not None:
            raise error

    def _question(self, target: Target, own: StoredWheel) -> Question:
        return Question(
            release=str(target),
            project=own.project,
            version=own.version,
            requires=own.requires,
            shared=tuple(shared for shared in self._share.values() if shared.kind == "strict"),
            index=self._origins.asked(target.index),
        )

    def _lock(self, target: Target, own: StoredWheel, rows: Sequence[Pinned], closure: Sequence[Ask]) -> Lock:
        shared = sorted({ask.project for ask in closure if ask.shared})
        return Lock(
            own=Pinned(
                project=own.project,
                version=own.version,
                url=without_credentials(target.wheel.url),
                filename=target.wheel.filename,
                sha256=own.sha256,
            ),
            others=tuple(rows),
            resolver=self._resolver.kind,
            host={project: self._share[project].version for project in shared},
            asks={p: tuple(sorted({str(ask.requirement.specifier) for ask in closure if ask.project == p})) for p in shared},
        )

    def _digests(self, sha256: str) -> frozenset[str]:
        """What the site of a plugin's wheel has on disk."""
        lock = self._locks.read(sha256)
        return lock.digests if lock is not None else frozenset({sha256})

    def _prune(self) -> tuple[str, ...]:
        with self._leases.pruning() as needed:
            gone = {sha256: self._wheels.move_out(sha256) for sha256 in sorted(self._wheels.digests() - needed)}
            for sha256 in gone:
                self._locks.remove(sha256)
        for path in gone.values():
            shutil.rmtree(path, ignore_errors=True)
        return tuple(gone)

    def _chosen(self, resolver: Resolver | Literal["uv", "pip"], deadline: float, environ: Mapping[str, str]) -> Resolver:
        if resolver == "uv":
            return Uv(stubs=self._layout.stubs, threads=self._threads, deadline=deadline, environ=environ)
        if resolver == "pip":
            return Pip(stubs=self._layout.stubs, threads=self._threads, deadline=deadline, environ=environ, page=self._origins.page)
        return resolver


def _site(own: StoredWheel, others: Iterable[StoredWheel] = ()) -> Site:
    return Site(wheels=(own, *others), left_out=own.left_out)
