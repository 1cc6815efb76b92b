"""Whose tasks are whose: a task factory that knows the owner of each task, and contains `sys.exit()` in a plugin's.

A SystemExit that leaves a task ends the event loop, and with it everybody. The factory is chained to the one that was there;
tasks that belong to no plugin are made exactly as before.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Generator, Iterator
from typing import Any
from weakref import WeakSet

from plughost.errors import PluginExited
from plughost.model.owner import Owner, current

logger = logging.getLogger("plughost.plugin")


class Tasks:
    """The tasks of each owner that are alive."""

    def __init__(self) -> None:
        self._owned: dict[Owner, WeakSet[asyncio.Task[Any]]] = {}

    def add(self, owner: Owner, task: asyncio.Task[Any]) -> None:
        """The task is the owner's."""
        self._owned.setdefault(owner, WeakSet()).add(task)

    async def cancel(self, owner: Owner, seconds: float) -> tuple[str, ...]:
        """Cancel all that the owner left behind; answers the names of those that would not end within the time."""
        mine = asyncio.current_task()
        left = {task for task in self._owned.pop(owner, ()) if task is not mine and not task.done()}
        for task in left:
            task.cancel(f"{owner} is being stopped")
        if not left:
            return ()
        _, deaf = await asyncio.wait(left, timeout=seconds)
        return tuple(sorted(task.get_name() for task in deaf))


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
