"""Entering what a plugin has to enter before it serves, and leaving it after: its own lifespans, then its app's."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette

from plughost.runtime.calls import with_context
from plughost.types import ASGIApp, Message


class NoLifespan(TypeError):
    """The function gave nothing that can be entered."""


@contextlib.asynccontextmanager
async def entered(lifespans: tuple[Callable[..., Any], ...], app: ASGIApp | None, context: object) -> AsyncIterator[dict[str, object]]:
    """All of them, in order; yields what they put into the state of requests."""
    state: dict[str, object] = {"context": context}
    async with contextlib.AsyncExitStack() as stack:
        for lifespan in lifespans:
            state |= _mapping(await stack.enter_async_context(_own(lifespan, context)))
        if isinstance(app, FastAPI | Starlette):
            state |= _mapping(await stack.enter_async_context(app.router.lifespan_context(app)))
        elif app is not None:
            state |= await stack.enter_async_context(_spoken(app))
        yield state


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


def _mapping(given: object) -> Mapping[str, object]:
    return given if isinstance(given, Mapping) else {}


@contextlib.asynccontextmanager
async def _spoken(app: ASGIApp) -> AsyncIterator[dict[str, object]]:
    """The lifespan protocol (ASGI 3.0) with an app that may not speak it; then nothing happens."""
    said: asyncio.Queue[Message] = asyncio.Queue()
    heard: asyncio.Queue[Message] = asyncio.Queue()
    state: dict[str, object] = {}
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    speaking = asyncio.ensure_future(_run(app, scope, heard, said))
    await heard.put({"type": "lifespan.startup"})
    try:
        answer = await said.get()
        if answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(str(answer.get("message") or "the app said that its startup failed"))
        yield state
        if answer["type"] == "lifespan.startup.complete":
            await heard.put({"type": "lifespan.shutdown"})
            answer = await said.get()
            if answer["type"] == "lifespan.shutdown.failed":
                raise RuntimeError(str(answer.get("message") or "the app said that its shutdown failed"))
    finally:
        speaking.cancel()
        await asyncio.gather(speaking, return_exceptions=True)


async def _run(app: ASGIApp, scope: dict[str, Any], heard: asyncio.Queue[Message], said: asyncio.Queue[Message]) -> None:
    with contextlib.suppress(Exception, SystemExit):  # law 9; raising is how an app says that it knows no lifespan
        await app(scope, heard.get, said.put)
    await said.put({"type": "unspoken"})
