"""What of a closed scope is still alive, and what holds it."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from types import FrameType, FunctionType, ModuleType

from plughost.scope.names import Names, natural
from plughost.scope.scope import Scope


class Watch:
    """Watches a scope's modules, classes and functions without keeping them; make it before the scope is closed."""

    def __init__(self, scope: Scope) -> None:
        self._names: Names = scope.names
        self._watched = [(kind, reference) for kind, reference in _watched(scope)]

    def survivors(self) -> tuple[str, ...]:
        """What is alive, each with its holder, in natural names; empty if nothing is.

        Modules and classes are garbage of the cyclic kind: whoever asks has had it collected (once for many scopes).
        """
        alive = [(kind, thing) for kind, reference in self._watched if (thing := reference()) is not None]
        told = [f"{kind} {_name(thing)} held by {_holder(thing, alive)}" for kind, thing in alive]
        return tuple(map(natural, (*told, *self._threads(), *self._tasks())))

    def _threads(self) -> Iterator[str]:
        frames = sys._current_frames()  # noqa: SLF001 - the interpreter's documented way
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if thread is not threading.current_thread() and frame is not None and self._runs_here(frame):
                yield f"thread {thread.name}"

    def _tasks(self) -> Iterator[str]:
        try:
            tasks = asyncio.all_tasks()
        except RuntimeError:  # no loop runs here
            return
        for task in tasks:
            frame = getattr(task.get_coro(), "cr_frame", None)
            if frame is not None and self._runs_here(frame):
                yield f"task {task.get_name()}"

    def _runs_here(self, frame: FrameType | None) -> bool:
        while frame is not None:
            if str(frame.f_globals.get("__name__", "")).startswith(self._names.prefix):
                return True
            frame = frame.f_back
        return False


def _watched(scope: Scope) -> Iterator[tuple[str, weakref.ref[object]]]:
    for module in scope.modules().values():
        yield "module", weakref.ref(module)
        for thing in list(vars(module).values()):
            if isinstance(thing, (type, FunctionType)) and thing.__module__ == module.__name__:
                yield "class" if isinstance(thing, type) else "function", weakref.ref(thing)


def _name(thing: object) -> str:
    if isinstance(thing, ModuleType):
        return thing.__name__
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}"


def _holder(thing: object, alive: list[tuple[str, object]]) -> str:
    ours = {id(other) for _, other in alive} | {id(alive)}
    for holder in gc.get_referrers(thing):
        if id(holder) not in ours and not isinstance(holder, FrameType) and holder is not alive:
            return f"a {type(holder).__name__}"
    return "nothing that can be seen"
