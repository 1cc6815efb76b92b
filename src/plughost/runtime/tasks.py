"""Whose tasks are whose: a task factory that knows the owner of each task, and contains `sys.exit()` in a plugin's.

A SystemExit that leaves a task ends the event loop, and with it everybody. The factory is chained to the one that was there;
tasks that belong to no plugin are made exactly as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
from collections.abc import Awaitable, Coroutine, Generator, Iterator
from typing import Any, TypeVar
from weakref import WeakSet

from plughost.errors import PluginExited
from plughost.model.owner import Owner, current

logger = logging.getLogger("plughost.plugin")
T = TypeVar("T")


class Tasks:
    """The tasks of each owner that are alive."""

    def __init__(self) -> None:
        self._owned: dict[Owner, WeakSet[asyncio.Task[Any]]] = {}

    def add(self, owner: Owner, task: asyncio.Task[Any]) -> None:
        """The task is the owner's."""
        self._owned.setdefault(owner, WeakSet()).add(task)

    async def cancel(self, owner: Owner, seconds: float) -> tuple[str, ...]:
        """Cancel all that the owner left behind, and what that begins while it ends; the names of those that would not end in time."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        told: set[asyncio.Task[Any]] = set()
        while begun := self._left(owner) - told:
            for task in begun:
                task.cancel(f"{owner} is being stopped")
            told |= begun
            await asyncio.wait(begun, timeout=max(0, until - loop.time()))
            if loop.time() >= until:
                break
        deaf = self._left(owner)
        self._owned.pop(owner, None)
        return tuple(sorted(task.get_name() for task in deaf))

    def _left(self, owner: Owner) -> set[asyncio.Task[Any]]:
        mine = asyncio.current_task()
        return {task for task in self._owned.get(owner, ()) if task is not mine and not task.done()}


@contextlib.contextmanager
def contain_tasks() -> Iterator[Tasks]:
    """While entered, the running loop's factory knows owners; on leaving the former factory is back, unless somebody put another one in."""
    loop, tasks = asyncio.get_running_loop(), Tasks()
    former = loop.get_task_factory()

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> Any:
        context = options.get("context")
        owner = context.get(current) if context is not None else current.get()
        if owner is not None and asyncio.iscoroutine(coroutine):
            coroutine = _Contained(coroutine, owner)
        task: Any = former(loop, coroutine, **options) if former else asyncio.Task(coroutine, loop=loop, **options)
        if owner is not None:
            tasks.add(owner, task)
        return task

    loop.set_task_factory(factory)
    try:
        yield tasks
    finally:
        if loop.get_task_factory() is factory:
            loop.set_task_factory(former)


def task_of(owner: Owner, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
    """A task of the plugin's; its context holds the owner and nothing of who asked."""
    context = contextvars.Context()
    context.run(current.set, owner)
    return asyncio.get_running_loop().create_task(coroutine, name=name, context=context)


async def apart(awaitable: Awaitable[T], *, owner: Owner, name: str) -> T:
    """What the plugin's code answers or raises, run as a task of its own.

    A caller that is cancelled goes on at once, whether or not the code heeds its own cancellation: that is `Tasks.cancel`'s.
    """
    task = task_of(owner, _awaited(awaitable), name)
    task.add_done_callback(_heard)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        raise
    if task.cancelled():  # not by us: raised on, it would look as if somebody had cancelled the caller
        raise RuntimeError("it raised CancelledError")
    try:
        return task.result()
    except _Exit as carrier:
        raise SystemExit(*carrier.args) from carrier.__cause__


class _Exit(Exception):
    """Carries a SystemExit out of a task, where it would end the loop."""


async def _awaited(awaitable: Awaitable[T]) -> T:
    try:
        return await awaitable
    except SystemExit as error:
        raise _Exit(*error.args) from error


def _heard(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()


class _Contained(Coroutine[Any, Any, Any]):
    """A plugin's coroutine; a class, for a wrapping `async def` would complain of the coroutine that a cancelled task never began."""

    __slots__ = ("_coroutine", "_owner")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], owner: Owner) -> None:
        self._coroutine, self._owner = coroutine, owner

    def send(self, value: Any) -> Any:
        try:
            return self._coroutine.send(value)
        except SystemExit as exit_:
            raise self._contained() from exit_

    def throw(self, *error: Any) -> Any:
        try:
            return self._coroutine.throw(*error)
        except SystemExit as exit_:
            raise self._contained() from exit_

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._coroutine.__await__()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._coroutine, name)  # cr_frame, cr_await, __qualname__: what debuggers and `leaks` look at

    def _contained(self) -> PluginExited:
        logger.error("a task called sys.exit()", extra={"plugin": self._owner.plugin, "version": self._owner.version})
        return PluginExited(str(self._owner), where="a task")
