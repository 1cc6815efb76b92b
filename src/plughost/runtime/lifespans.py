"""What a plugin has to enter before it serves, and to leave after: its own lifespans, then its app's.

All of them live in one task of the plugin's: what was entered is left by the task that entered it (anyio demands it), a task group
of the plugin that fails while it serves cancels nothing of ours, and since the task is waited for and never awaited, each deadline
holds against code that swallows its cancellation.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from plughost.errors import StartTimeout
from plughost.model.owner import Owner
from plughost.runtime import failures
from plughost.runtime.calls import with_context
from plughost.runtime.tasks import task_of
from plughost.scope import Scope
from plughost.types import ASGIApp, Message

logger = logging.getLogger("plughost.plugin")
State = Mapping[str, object]


class NoLifespan(TypeError):
    """The function gave nothing that can be entered."""


class Life:
    """The lifespans of one generation, from the first entered to the last left."""

    def __init__(self, lifespans: Sequence[Callable[..., Any]], app: ASGIApp | None, context: object, owner: Owner, scope: Scope) -> None:
        self._owner, self._scope = owner, scope
        self._up: asyncio.Future[State] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = task_of(owner, self._live(_entered(lifespans, app, context)), f"lifespan of {owner}")
        self._task.add_done_callback(self._ended)

    async def begin(self, seconds: float) -> State:
        """What joins the state of requests, once all are up; raises StartFailed, StartTimeout, PluginExited."""
        either: set[asyncio.Future[Any]] = {self._task, self._up}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._up.done():
            return self._up.result()
        if not self._task.done():
            raise StartTimeout(self._owner.plugin, seconds=seconds)
        error = _error_of(self._task) or RuntimeError("the lifespan ended before it was up")
        raise failures.of_start(self._owner, error, self._scope) from error

    async def end(self, seconds: float) -> None:
        """Leave them; one that takes longer is cancelled with the other tasks of its owner, and what it raises is logged."""
        self._over.set()
        await asyncio.wait({self._task}, timeout=seconds)
        if not self._task.done():
            logger.warning("a plugin did not stop in time", extra=self._names())

    async def _live(self, lifespans: AbstractAsyncContextManager[State]) -> None:
        async with lifespans as state:
            self._up.set_result(state)
            await self._over.wait()

    def _ended(self, task: asyncio.Task[None]) -> None:
        error, over = _error_of(task), self._over.is_set()
        if not self._up.done() or (over and error is None):
            return
        what = "a plugin raised while it stopped" if over else "a plugin's lifespan ended by itself; it serves on without it"
        traceback = None if error is None else self._scope.format_exception(error)
        logger.warning(what, extra={**self._names(), "traceback": traceback})

    def _names(self) -> Mapping[str, object]:
        return {"plugin": self._owner.plugin, "version": self._owner.version, "generation": self._owner.generation}


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return RuntimeError("it raised CancelledError") if task.cancelled() else task.exception()


@contextlib.asynccontextmanager
async def _entered(lifespans: Sequence[Callable[..., Any]], app: ASGIApp | None, context: object) -> AsyncIterator[State]:
    """All of them, in order; yields what they put into the state of requests, and the context."""
    state: dict[str, object] = {}
    async with contextlib.AsyncExitStack() as stack:
        for lifespan in lifespans:
            state |= _mapping(await stack.enter_async_context(_own(lifespan, context)))
        if isinstance(app, FastAPI | Starlette):
            state |= _mapping(await stack.enter_async_context(app.router.lifespan_context(app)))
        elif app is not None:
            state |= await stack.enter_async_context(_spoken(app))
        yield {**state, "context": context}


def _own(lifespan: Callable[..., Any], context: object) -> AbstractAsyncContextManager[Any]:
    made = with_context(lifespan, context)
    if inspect.isasyncgen(made):
        return contextlib.asynccontextmanager(lambda: made)()
    if hasattr(made, "__aenter__"):
        manager: AbstractAsyncContextManager[Any] = made
        return manager
    if inspect.iscoroutine(made):
        made.close()
    raise NoLifespan(f"the lifespan is neither an async generator nor an async context manager: it gave {type(made).__name__}")


def _mapping(given: object) -> State:
    return given if isinstance(given, Mapping) else {}


@contextlib.asynccontextmanager
async def _spoken(app: ASGIApp) -> AsyncIterator[State]:
    """The lifespan protocol (ASGI 3.0) with an app that may not speak it; then nothing happens."""
    said: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    state: dict[str, object] = {}
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    speaking = asyncio.create_task(_run(app, scope, heard, said), name="lifespan of the app")
    try:
        speaks = await _done("startup", heard, said)
        yield state
        if speaks:
            await _done("shutdown", heard, said)
    finally:
        speaking.cancel()
        await asyncio.wait({speaking})


async def _done(step: str, heard: asyncio.Queue[Message], said: asyncio.Queue[Message]) -> bool:
    """Whether the app has done the step; False where it speaks of no lifespan; raises where it says that it failed, or exited."""
    await heard.put({"type": f"lifespan.{step}"})
    answer = await said.get()
    if answer["type"] == f"lifespan.{step}.failed":
        raise RuntimeError(str(answer.get("message") or f"the app said that its {step} failed"))
    if answer["type"] == "exited":
        raise SystemExit(answer["status"])
    return bool(answer["type"] == f"lifespan.{step}.complete")


async def _run(app: ASGIApp, scope: dict[str, Any], heard: asyncio.Queue[Message], said: asyncio.Queue[Message]) -> None:
    try:
        await app(scope, heard.get, said.put)
    except SystemExit as error:
        await said.put({"type": "exited", "status": error.code})
    except Exception:  # raising is how an app says that it knows no lifespan
        logger.debug("the app speaks of no lifespan", exc_info=True)
    await said.put({"type": "silent"})
