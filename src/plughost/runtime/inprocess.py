"""A unit in this process: a scope is opened, the entry loaded and built in a thread, its lifespan entered on the loop.

The context manager ends what it began, in the reverse order and within the stop deadline: lifespan, tasks, scope, caches.
Whatever the plugin's code raises on the way up becomes one of errors/plugin.py; on the way down it is logged.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from plughost.errors import (
    EntryMissing,
    ImportExited,
    ImportFailed,
    ImportTimeout,
    PlughostError,
    PluginExited,
    PluginRaised,
    ProbeFailed,
    StartFailed,
    StartTimeout,
)
from plughost.http import problem_response
from plughost.model.artifact import Site
from plughost.model.event import Emit, LeakFound
from plughost.model.owner import Owner
from plughost.model.plugin import Target
from plughost.model.sharing import Sharing
from plughost.runtime import caches
from plughost.runtime.calls import with_context
from plughost.runtime.context import Context, RenderSlot, Use, new_context, validated
from plughost.runtime.forms import Parts, factory, parts_of
from plughost.runtime.fragment import fragment
from plughost.runtime.lifespans import entered
from plughost.runtime.renders import contribution_of
from plughost.runtime.tasks import Tasks
from plughost.runtime.thread import in_thread
from plughost.runtime.unit import Deadlines, Unit
from plughost.scope import Scope
from plughost.types import ASGIApp
from plughost.wheel import GROUP

logger = logging.getLogger("plughost.plugin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A plugin that is loaded and not started."""

    parts: Parts
    app: ASGIApp | None
    context: Context
    openapi: Callable[[], Mapping[str, Any] | None] | None


class InProcess:
    """Runs units in this process."""

    def __init__(self, *, data: Path, deadlines: Deadlines, tasks: Tasks, render: RenderSlot, use: Use, emit: Emit) -> None:
        self._data, self._deadlines, self._tasks = data, deadlines, tasks
        self._render, self._use, self._emit = render, use, emit

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
                yield _unit(built, owner, state, scope)
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
        def load() -> tuple[object, Context]:
            scope.open()
            context = new_context(owner, target.config, data=self._data, render=self._render, use=self._use)
            found = scope.load(entry)
            make = factory(entry, found)
            made = found if make is None else with_context(make, context)
            return (made if inspect.isawaitable(made) else build(made, context)), context

        def build(made: object, context: Context) -> Built:
            parts = parts_of(entry, made)
            context.config = validated(context.config, parts.settings, owner.plugin)
            app = _app(parts.routes, owner)
            return Built(parts=parts, app=app, context=context, openapi=fragment(parts.routes, owner, scope.natural))

        threaded = True  # a thread that nobody waits for any more closes the scope itself, when it ends
        try:
            made, context = await in_thread(load, owner=owner, what="import", late=scope.close)
            if isinstance(made, Built):
                return made
            threaded = False
            awaited = await made  # type: ignore[misc]  # what an async factory gave
            threaded = True
            return await in_thread(lambda: build(awaited, context), owner=owner, what="build", late=scope.close)
        except BaseException as error:
            if not (threaded and isinstance(error, asyncio.CancelledError)):
                await in_thread(scope.close, owner=owner, what="close")
            raise _import_error(entry, error, scope) from error

    @contextlib.asynccontextmanager
    async def _up(self, built: Built, owner: Owner, scope: Scope) -> AsyncIterator[Mapping[str, object]]:
        seconds = self._deadlines.start
        stack = contextlib.AsyncExitStack()
        try:
            async with asyncio.timeout(seconds) as limit:
                state = await stack.enter_async_context(entered(built.parts.lifespans, built.app, built.context))
        except SystemExit as error:
            raise PluginExited(owner.plugin, where="its start") from error
        except Exception as error:  # law 9: the plugin's start
            if limit.expired():
                raise StartTimeout(owner.plugin, seconds=seconds) from None
            raise _start_error(owner, error, scope) from error
        try:
            yield state
        finally:
            await self._left(stack, owner, scope)

    async def _left(self, stack: contextlib.AsyncExitStack, owner: Owner, scope: Scope) -> None:
        try:
            async with asyncio.timeout(self._deadlines.stop):
                await stack.aclose()
        except TimeoutError:
            logger.warning("did not stop in time", extra=_extra(owner))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - law 9: the plugin's end; it ends all the same
            logger.warning("raised while it stopped: %s", scope.format_exception(error), extra=_extra(owner))

    async def _down(self, owner: Owner, scope: Scope) -> None:
        for name in await self._tasks.cancel(owner, self._deadlines.stop):
            self._emit(LeakFound(plugin=owner.plugin, version=owner.version, generation=owner.generation, what=f"task {name}"))
        await in_thread(scope.close, owner=owner, what="close")
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


def _app(routes: Any, owner: Owner) -> ASGIApp | None:
    """A router becomes the router of an app of its own: `include_router` inside one would match each request twice."""
    if not isinstance(routes, APIRouter):
        app: ASGIApp | None = routes
        return app
    made = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    made.router = routes

    async def failed(_request: Request, _error: Exception) -> Response:  # what nothing in the plugin handled; it is raised on, and logged
        return problem_response(PluginRaised(owner.plugin), plugin=owner.plugin)

    made.add_exception_handler(Exception, failed)
    return made


def _unit(built: Built, owner: Owner, state: Mapping[str, object], scope: Scope) -> Unit:
    parts = built.parts

    async def probe() -> None:
        try:
            for each in parts.probes:
                await each()
        except (Exception, SystemExit) as error:  # law 9: a probe is plugin code
            reason = scope.natural(f"{type(error).__name__}: {error}")
            raise ProbeFailed(owner.plugin, reason=reason, traceback=scope.format_exception(error)) from error

    contributions = tuple(contribution_of(each, owner, position) for position, each in enumerate(parts.contributions))
    return Unit(app=built.app, contributions=contributions, probe=probe, state=state, openapi=built.openapi, provides=parts.provides)


def _import_error(entry: str, error: BaseException, scope: Scope) -> BaseException:
    if isinstance(error, PlughostError | asyncio.CancelledError):
        return error
    if isinstance(error, SystemExit):
        return ImportExited(entry, status=error.code)
    reason = scope.natural(f"{type(error).__name__}: {error}")
    return ImportFailed(entry, reason=reason, traceback=scope.format_exception(error))


def _start_error(owner: Owner, error: BaseException, scope: Scope) -> StartFailed:
    reason = scope.natural(f"{type(error).__name__}: {error}")
    return StartFailed(owner.plugin, reason=reason, traceback=scope.format_exception(error))


def _extra(owner: Owner) -> dict[str, object]:
    return {"plugin": owner.plugin, "version": owner.version, "generation": owner.generation}
