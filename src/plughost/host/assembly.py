"""Builds the rooms from the settings, in the order in which they stand on each other, and takes them down in the reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plughost.api import Console, Journal, Tokens
from plughost.catalog import Catalog, Source
from plughost.control.actors import Actors
from plughost.control.choose import Chooser
from plughost.control.follow import Follower, forget_sources
from plughost.control.gate import Gate
from plughost.control.generation import Rooms
from plughost.control.intents import Intents
from plughost.control.mirror import mirror
from plughost.control.operate import Desk, Operator
from plughost.control.operations import Operations
from plughost.control.revoked import Revocations
from plughost.control.world import World
from plughost.host import home as home_files
from plughost.host.housekeeping import Housekeeping
from plughost.host.readiness import Readiness
from plughost.host.sources import origin_tokens, sources_of, trust_rules
from plughost.ledger import Ledger, Recorded
from plughost.model.event import Emit, Event
from plughost.model.plugin import Listing, WheelFile
from plughost.model.sharing import HostShare, negotiate
from plughost.net import Client
from plughost.observe import log
from plughost.registry import Registry, Rendered, to_html
from plughost.runtime import Deadlines, InProcess, contain_tasks
from plughost.scope import host_share, loaded_natives, natural
from plughost.settings import Settings
from plughost.store import Store
from plughost.types import ASGIApp
from plughost.wheel import best

Provided = Mapping[str, object]
RenderSlot = Callable[[str, Mapping[str, object]], Awaitable[Rendered]]


@dataclass(slots=True, kw_only=True)
class House:
    """A host that runs, as `Host` needs it."""

    console: Console
    tokens: Tokens
    registry: Registry
    rendered: RenderSlot
    settled: asyncio.Event


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
    async with AsyncExitStack() as stack:
        ground = await _ground(stack, settings)
        listeners = _listeners(stack, ground)
        registry, world = _world(stack, settings, core, provide, ground, listeners)

        # What runs: an actor for each plugin that the ledger knows.
        actors = Actors(world)
        stack.push_async_callback(actors.close)
        actors.open(world.intents.names(), ground.rows.served, ground.rows.refused)

        # What changes it: the sources, another process on this home, and operators.
        followers = _followers(stack, settings, ground, world, actors)
        readiness = Readiness(actors, world.intents, followers, strict=settings.boot == "strict", deadline=settings.boot_deadline)
        _background(stack, mirror(ground.ledger, world.intents, actors), "mirror")
        _background(stack, readiness.run(), "readiness")
        rendered = _renderer(settings, registry, listeners.emit)
        console = Console(
            operator=_operator(ground, world, actors),
            operations=world.operations,
            intents=world.intents,
            actors=actors,
            ledger=ground.ledger,
            registry=registry,
            followers=followers,
            journal=listeners.journal,
            render=rendered,
            ready=readiness.ready,
            stopping=stopping,
            prefix=settings.prefix,
        )
        tokens = Tokens(home_files.admin_token(ground.home, settings.admin_token), ground.ledger)
        yield House(console=console, tokens=tokens, registry=registry, rendered=rendered, settled=readiness.settled)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What is on disk and on the network."""

    home: Path
    ledger: Ledger
    client: Client
    share: HostShare
    store: Store
    sources: tuple[Source, ...]
    revoked: Revocations
    rows: Recorded


async def _ground(stack: AsyncExitStack, settings: Settings) -> _Ground:
    """Ledger, store and client, without what a dead process left open in them."""
    boot = secrets.token_hex(8)
    home = home_files.made(settings.home)
    ledger = await Ledger.open(home / "ledger.sqlite", boot=boot)
    stack.push_async_callback(ledger.close)
    client = Client(trust_rules(settings), tokens=origin_tokens(settings))
    stack.push_async_callback(client.close)
    share = host_share(settings.share)
    revoked = Revocations()
    store = _store(settings, home, client, share, boot, revoked)
    await store.open()
    stack.push_async_callback(store.close)
    await ledger.reap(store.alive)
    rows = await ledger.recorded()
    sources = sources_of(settings, client)
    return _Ground(home=home, ledger=ledger, client=client, share=share, store=store, sources=sources, revoked=revoked, rows=rows)


class _Listeners:
    """Who hears of what happens."""

    def __init__(self, ground: _Ground) -> None:
        self.journal, self.housekeeping = Journal(ground.ledger), Housekeeping(ground.store.prune)

    def emit(self, event: Event) -> None:
        log(event)
        self.journal.emit(event)
        self.housekeeping.emit(event)


def _listeners(stack: AsyncExitStack, ground: _Ground) -> _Listeners:
    listeners = _Listeners(ground)
    stack.push_async_callback(listeners.journal.flush)
    _background(stack, listeners.journal.run(), "journal")
    _background(stack, listeners.housekeeping.run(), "housekeeping")
    return listeners


def _world(
    stack: AsyncExitStack, settings: Settings, core: ASGIApp | None, provide: Provided, ground: _Ground, listeners: _Listeners
) -> tuple[Registry, World]:
    registry, emit = Registry(), listeners.emit
    rendered = _renderer(settings, registry, emit)

    async def fragments(slot: str, props: Mapping[str, object]) -> str:
        return to_html(await rendered(slot, props))

    runtime = InProcess(
        data=ground.home / "data",
        deadlines=Deadlines(load=settings.import_deadline, start=settings.start_deadline, stop=settings.stop_deadline),
        tasks=stack.enter_context(contain_tasks()),
        render=fragments,
        use=lambda name: _used(provide, name),
        emit=emit,
    )
    listeners.housekeeping.leaks = runtime.leaks.tell
    rooms = Rooms(
        store=ground.store,
        runtime=runtime,
        registry=registry,
        numbers=ground.ledger,
        negotiate=lambda site: negotiate(site, ground.share, loaded_natives()),
        emit=emit,
        gate=Gate(),
        probe_deadline=settings.probe_deadline,
        drain=settings.drain,
    )
    intents = Intents(
        [source.url for source in ground.sources],
        choose=_fitting,
        core_owns=lambda mount: _routes(core, mount) or mount == settings.prefix.strip("/").partition("/")[0],
        revoked=ground.revoked,
    )
    intents.load(ground.rows.lists, ground.rows.overrides, ground.rows.revoked)
    return registry, World(
        rooms=rooms,
        ledger=ground.ledger,
        intents=intents,
        operations=Operations(emit),
        retain=ground.store.retain,
        purge=lambda name, project: _purged(ground, name, project),
    )


def _followers(stack: AsyncExitStack, settings: Settings, ground: _Ground, world: World, actors: Actors) -> tuple[Follower, ...]:
    followers = tuple(
        Follower(source, ledger=ground.ledger, intents=world.intents, wake=actors.wake, emit=world.rooms.emit, poll=settings.poll)
        for source in ground.sources
    )
    for follower in followers:
        _background(stack, follower.run(), f"follow {follower.source.url}")
    _background(stack, forget_sources(followers, ledger=ground.ledger, intents=world.intents, wake=actors.wake), "forget sources")
    return followers


def _operator(ground: _Ground, world: World, actors: Actors) -> Operator:
    chooser = Chooser(
        intents=world.intents,
        catalog=Catalog(ground.sources),
        choose=_fitting,
        check_url=lambda url, plugin: "sha256" in ground.client.rules.check(url, plugin).require,
    )
    desk = Desk(
        intents=world.intents,
        operations=world.operations,
        ledger=ground.ledger,
        chooser=chooser,
        actor=actors.get,
        status=actors.status,
        claim=actors.claim,
    )
    return Operator(desk)


def _renderer(settings: Settings, registry: Registry, emit: Emit) -> RenderSlot:
    async def rendered(slot: str, props: Mapping[str, object]) -> Rendered:
        return await registry.render(slot, props, deadline=settings.render_deadline, emit=emit, natural=natural)

    return rendered


def _store(settings: Settings, home: Path, client: Client, share: HostShare, boot: str, revoked: Revocations) -> Store:
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
        revoked=lambda: revoked.reasons,
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


def _routes(core: ASGIApp | None, mount: str) -> bool:
    """Whether the embedding application has a route whose first segment is literally this one."""
    paths = (str(getattr(route, "path", "")) for route in getattr(core, "routes", ()))
    return any(path.lstrip("/").partition("/")[0] == mount for path in paths)


def _used(provide: Provided, name: str) -> object:
    try:
        return provide[name]
    except KeyError:
        raise LookupError(f"nobody provides {name!r}; there is: {', '.join(sorted(provide)) or 'nothing'}") from None


async def _purged(ground: _Ground, name: str, project: str | None) -> None:
    await asyncio.get_running_loop().run_in_executor(None, home_files.delete_data, ground.home, name)
    if project is not None:
        await ground.store.purge(project)
