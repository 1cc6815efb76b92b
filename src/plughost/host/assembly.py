"""Builds the rooms from the settings, in the order in which they stand on each other, and takes them down in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plughost.api import Console, Journal, Tokens
from plughost.catalog import Catalog
from plughost.control.actors import Actors
from plughost.control.choose import Chooser
from plughost.control.follow import Follower, forget_sources
from plughost.control.gate import Gate
from plughost.control.generation import Rooms
from plughost.control.intents import Intents
from plughost.control.mirror import mirror
from plughost.control.operate import Desk, Operator
from plughost.control.operations import Operations
from plughost.control.plan import Refusal
from plughost.control.world import World
from plughost.host import home as home_files
from plughost.host.housekeeping import Housekeeping
from plughost.host.readiness import Readiness
from plughost.host.sources import origin_tokens, sources_of, trust_rules
from plughost.ledger import Ledger, Recorded
from plughost.model.artifact import Site
from plughost.model.event import Event
from plughost.model.plugin import Listing, WheelFile
from plughost.model.sharing import HostShare, Sharing, negotiate
from plughost.net import Client
from plughost.observe import log
from plughost.registry import Registry, Rendered, render, to_html
from plughost.runtime import Deadlines, InProcess, contain_tasks
from plughost.scope import host_share, loaded_natives
from plughost.settings import Settings
from plughost.store import Store
from plughost.types import ASGIApp
from plughost.wheel import best

Provided = Mapping[str, object]


@dataclass(slots=True, kw_only=True)
class House:
    """A host that runs, as `Host` needs it."""

    console: Console
    tokens: Tokens
    registry: Registry
    rendered: Callable[[str, Mapping[str, object]], Any]


class Stopping:
    """A flag that the whole house looks at."""

    def __init__(self) -> None:
        self.set = False

    def __call__(self) -> bool:
        """Whether the host takes nothing new."""
        return self.set


@contextlib.asynccontextmanager
async def assembled(settings: Settings, core: ASGIApp | None, provide: Provided, stopping: Stopping) -> AsyncIterator[House]:
    """A running house; on leaving everything is drained, stopped and closed."""
    boot = secrets.token_hex(8)
    async with AsyncExitStack() as stack:
        # What is on disk: the ledger, the store, and what a dead process left open in them.
        home = home_files.made(settings.home)
        ledger = await Ledger.open(home / "ledger.sqlite", boot=boot)
        stack.push_async_callback(ledger.close)
        client = Client(trust_rules(settings), tokens=origin_tokens(settings))
        stack.push_async_callback(client.close)
        share = host_share(settings.share)
        store = _store(settings, home, client, share, boot)
        await store.open()
        stack.push_async_callback(store.close)
        await ledger.reap(store.alive)

        # Who listens to what happens.
        journal, housekeeping = Journal(ledger), Housekeeping(store.prune)
        stack.push_async_callback(journal.flush)
        _background(stack, journal.run(), "journal")
        _background(stack, housekeeping.run(), "housekeeping")
        listeners = (log, journal.emit, housekeeping.emit)

        def emit(event: Event) -> None:
            for listener in listeners:
                listener(event)

        # What runs: the table, the runtime, and an actor for each plugin.
        registry = Registry()

        async def rendered(slot: str, props: Mapping[str, object]) -> Rendered:
            found = registry.table.slots.get(slot, ())
            return await render(slot, found, props, deadline=settings.render_deadline, emit=emit)

        async def fragments(slot: str, props: Mapping[str, object]) -> str:
            return to_html(await rendered(slot, props))

        runtime = InProcess(
            data=home / "data",
            deadlines=Deadlines(load=settings.import_deadline, start=settings.start_deadline, stop=settings.stop_deadline),
            tasks=stack.enter_context(contain_tasks()),
            render=fragments,
            use=lambda name: _used(provide, name),
            emit=emit,
        )
        sources = sources_of(settings, client)
        rows = await ledger.recorded()
        intents = Intents([source.url for source in sources], choose=_fitting, core_owns=lambda mount: _routes(core, mount))
        intents.load(rows.lists, rows.overrides)
        operations = Operations(emit)
        rooms = Rooms(
            store=store,
            runtime=runtime,
            registry=registry,
            numbers=ledger,
            negotiate=lambda site: _negotiated(site, share),
            emit=emit,
            gate=Gate(),
            probe_deadline=settings.probe_deadline,
            drain=settings.drain,
        )
        world = World(
            rooms=rooms,
            ledger=ledger,
            intents=intents,
            operations=operations,
            claim=lambda name, mount: actors.claim(name, mount),  # noqa: PLW0108 - the actors are made of this world
            freed=lambda name: actors.freed(name),  # noqa: PLW0108 - likewise
            retain=store.retain,
            purge=lambda name, project: _purged(home, store, name, project),
        )
        actors = Actors(world)
        stack.push_async_callback(actors.close)
        actors.open(intents.names(), rows.served, _refusals(rows))

        # What changes it: the sources, another process on this home, and operators.
        followers = tuple(
            Follower(source, ledger=ledger, intents=intents, wake=actors.wake, emit=emit, poll=settings.poll) for source in sources
        )
        readiness = Readiness(actors, intents, followers, strict=settings.boot == "strict", deadline=settings.boot_deadline)
        for follower in followers:
            _background(stack, follower.run(), f"follow {follower.source.url}")
        _background(stack, forget_sources(followers, ledger=ledger, intents=intents, wake=actors.wake), "forget sources")
        _background(stack, mirror(ledger, intents, actors), "mirror")
        _background(stack, readiness.run(), "readiness")
        chooser = Chooser(
            intents=intents,
            catalog=Catalog(sources),
            choose=_fitting,
            check_url=lambda url, plugin: "sha256" in client.rules.check(url, plugin).require,
        )
        desk = Desk(
            intents=intents,
            operations=operations,
            ledger=ledger,
            chooser=chooser,
            actor=actors.get,
            status=actors.status,
            claim=actors.claim,
        )
        console = Console(
            operator=Operator(desk),
            operations=operations,
            intents=intents,
            actors=actors,
            ledger=ledger,
            registry=registry,
            followers=followers,
            journal=journal,
            render=rendered,
            ready=readiness.ready,
            stopping=stopping,
            prefix=settings.prefix,
        )
        tokens = Tokens(home_files.admin_token(home, settings.admin_token), ledger)
        yield House(console=console, tokens=tokens, registry=registry, rendered=rendered)


def _store(settings: Settings, home: Path, client: Client, share: HostShare, boot: str) -> Store:
    return Store(
        home,
        client=client,
        resolver=settings.resolver,
        share=share,
        boot=boot,
        max_size=settings.max_size,
        fetch_deadline=settings.fetch_deadline,
        resolve_deadline=settings.resolve_deadline,
        tokens=origin_tokens(settings),
    )


def _background(stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
    """Run it until the house is left."""
    task = asyncio.create_task(work, name=f"plughost {name}", context=contextvars.Context())

    async def ended() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(ended)


def _fitting(listing: Listing) -> WheelFile:
    """The wheel that fits this machine best; the first one where none does, so that the store says why."""
    chosen = best([wheel.filename for wheel in listing.wheels])
    return next((wheel for wheel in listing.wheels if wheel.filename == chosen), listing.wheels[0])


def _negotiated(site: Site, share: HostShare) -> Sharing:
    return negotiate(site, share, loaded_natives())


def _refusals(rows: Recorded) -> Mapping[str, Refusal]:
    return {
        name: Refusal(target=row.target, error=row.error, attempts=row.attempts, next_try=row.next_try)
        for name, row in rows.refused.items()
    }


def _routes(core: ASGIApp | None, mount: str) -> bool:
    """Whether the embedding application has a route whose first segment is literally this one."""
    paths = (str(getattr(route, "path", "")) for route in getattr(core, "routes", ()))
    return any(path.lstrip("/").partition("/")[0] == mount for path in paths)


def _used(provide: Provided, name: str) -> object:
    try:
        return provide[name]
    except KeyError:
        raise LookupError(f"nobody provides {name!r}; there is: {', '.join(sorted(provide)) or 'nothing'}") from None


async def _purged(home: Path, store: Store, name: str, project: str | None) -> None:
    await asyncio.get_running_loop().run_in_executor(None, home_files.delete_data, home, name)
    if project is not None:
        await store.purge(project)
