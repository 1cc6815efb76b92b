"""A unit in this process: a scope is opened, the entry loaded and built in a thread, its lifespan entered on the loop.

The context manager ends what it began, in the reverse order and within the stop deadline: lifespan, tasks, scope, caches.
Whatever the plugin's code raises on the way up becomes one of errors/plugin.py; on the way down it is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from plughost.errors import EntryMissing, ImportTimeout
from plughost.model.artifact import Site
from plughost.model.event import Emit, LeakFound
from plughost.model.owner import Owner
from plughost.model.plugin import Target
from plughost.model.sharing import Sharing
from plughost.runtime import caches, failures
from plughost.runtime.building import Built, build
from plughost.runtime.calls import with_context
from plughost.runtime.context import Context, RenderSlot, Use, new_context
from plughost.runtime.forms import factory
from plughost.runtime.leaks import Leaks
from plughost.runtime.lifespans import Life, State
from plughost.runtime.tasks import Tasks, apart
from plughost.runtime.thread import in_thread
from plughost.runtime.unit import Deadlines, Unit
from plughost.scope import Scope
from plughost.wheel import GROUP


class InProcess:
    """Runs units in this process."""

    def __init__(self, *, data: Path, deadlines: Deadlines, tasks: Tasks, render: RenderSlot, use: Use, emit: Emit) -> None:
        self._data, self._deadlines, self._tasks = data, deadlines, tasks
        self._render, self._use, self._emit = render, use, emit
        self.leaks = Leaks(emit)

    def start(
        self, site: Site, sharing: Sharing, target: Target, owner: Owner, report: Callable[[str], None]
    ) -> AbstractAsyncContextManager[Unit]:
        """A running unit; `report` hears "import" and "start". Raises the leaves of errors/plugin.py, EntryMissing and ConfigInvalid."""
        return self._started(entry_of(site, target), sharing, target, owner, report)

    @contextlib.asynccontextmanager
    async def _started(
        self, entry: str, sharing: Sharing, target: Target, owner: Owner, report: Callable[[str], None]
    ) -> AsyncIterator[Unit]:
        scope = Scope(f"_scope_{owner.plugin.replace('-', '_')}_{owner.generation}", sharing)
        report("import")
        built = await self._load(scope, entry, target, owner)
        try:
            report("start")
            async with self._up(built, owner, scope) as state:
                yield _unit(built, owner, scope, state)
        finally:
            await self._down(owner, scope)

    async def _load(self, scope: Scope, entry: str, target: Target, owner: Owner) -> Built:
        """Import, factory and app, in one thread; only an async factory is awaited on the loop."""
        seconds = self._deadlines.load
        try:
            async with asyncio.timeout(seconds):
                return await self._loaded(scope, entry, target, owner)
        except TimeoutError:
            raise ImportTimeout(entry, seconds=seconds) from None

    async def _loaded(self, scope: Scope, entry: str, target: Target, owner: Owner) -> Built:
        def load() -> tuple[Any, Context]:
            scope.open()
            context = new_context(owner, target.config, data=self._data, render=self._render, use=self._use)
            found = scope.load(entry)
            make = factory(entry, found)
            made = found if make is None else with_context(make, context)
            return (made if inspect.isawaitable(made) else build(entry, made, context, owner)), context

        def close() -> None:
            self._close(owner, scope)

        threaded = True  # a thread that nobody waits for any more closes the scope itself, when it ends
        try:
            made, context = await in_thread(load, owner=owner, what="import", late=close)
            if isinstance(made, Built):
                return made
            threaded = False
            awaited = await apart(made, owner=owner, name="the factory")
            threaded = True
            return await in_thread(lambda: build(entry, awaited, context, owner), owner=owner, what="build", late=close)
        except asyncio.CancelledError:
            await (self._end_tasks(owner) if threaded else self._down(owner, scope))
            raise
        except BaseException as error:  # noqa: BLE001 - law 9: the plugin's import, whatever it raises
            explained = failures.of_import(entry, error, scope)
            await self._down(owner, scope)
            raise explained from (error if explained is not error else None)

    @contextlib.asynccontextmanager
    async def _up(self, built: Built, owner: Owner, scope: Scope) -> AsyncIterator[State]:
        life = Life(built.parts.lifespans, built.app, built.context, owner, scope)
        state = await life.begin(self._deadlines.start)
        try:
            yield state
        finally:
            await life.end(self._deadlines.stop)

    async def _down(self, owner: Owner, scope: Scope) -> None:
        try:
            await self._end_tasks(owner)
        finally:  # also where whoever waits for the tasks is cancelled: a scope left open would be in the way for ever
            await in_thread(lambda: self._close(owner, scope), owner=owner, what="close")

    async def _end_tasks(self, owner: Owner) -> None:
        for name in await self._tasks.cancel(owner, self._deadlines.stop):
            self._emit(LeakFound(plugin=owner.plugin, version=owner.version, generation=owner.generation, what=f"task {name}"))

    def _close(self, owner: Owner, scope: Scope) -> None:
        self.leaks.watch(owner, scope)
        scope.close()
        caches.forget()


def entry_of(site: Site, target: Target) -> str:
    """The entry point to load: the one asked for, else the one with the plugin's name, else the only one; raises EntryMissing."""
    if target.entry:
        return target.entry
    declared = site.own.entry_points.get(GROUP, {})
    if target.name in declared:
        return declared[target.name]
    if len(declared) == 1:
        return next(iter(declared.values()))
    raise EntryMissing(target.name, f"the wheel declares {sorted(declared) or 'nothing'} in group {GROUP!r}")


def _unit(built: Built, owner: Owner, scope: Scope, state: State) -> Unit:
    async def probe() -> None:
        try:
            for ask in built.parts.probes:
                asked: object = ask()
                if not inspect.isawaitable(asked):
                    raise TypeError(f"a probe is an async function, this one gave {type(asked).__name__}")
                await apart(asked, owner=owner, name="the probe")
        except (Exception, SystemExit) as error:  # law 9: a probe is plugin code
            raise failures.of_probe(owner, error, scope) from error

    return Unit(
        app=built.app,
        contributions=built.contributions,
        probe=probe,
        state=state,
        openapi=built.openapi,
        provides=built.parts.provides,
    )
