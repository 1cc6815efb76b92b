"""What of a closed scope is still alive, and what holds it.

A dead reference to a module proves nothing, for functions hold its namespace: so classes and functions are watched too, and threads
and tasks whose stack runs through the scope's code.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from types import CellType, FrameType, FunctionType, ModuleType
from typing import Any

from plughost.scope.names import natural
from plughost.scope.scope import Scope

Watched = tuple[str, weakref.ref[object]]
TOLD = 4
"""So many survivors are told with their holders: each holder costs a walk over the whole heap."""


class Watch:
    """Watches the modules, classes and functions of a scope without keeping them; to be made before the scope is closed."""

    def __init__(self, scope: Scope) -> None:
        self._prefix = f"{scope.root}."
        self._watched = tuple(_watched(scope))

    def is_alive(self) -> bool:
        """Whether anything is, garbage that was not collected yet included."""
        return any(reference() is not None for _, reference in self._watched) or any((*self._threads(), *self.tasks()))

    def survivors(self) -> tuple[str, ...]:
        """What is alive, in natural names, the first few with their holders; empty if nothing is.

        Modules and their functions are garbage of the cyclic kind: whoever asks has called gc.collect() twice before, for many scopes
        at once (twice, for pydantic keeps generic models under weak references whose keys are strong).
        Holders take their time and are better looked for in a thread; `tasks` are seen on the loop alone.
        """
        alive = [(kind, thing) for kind, reference in self._watched if (thing := reference()) is not None]
        told = [f"{kind} {_name(thing)}, held by {_holder(thing, alive)}" for kind, thing in alive[:TOLD]]
        more = [f"{len(alive) - TOLD} more modules, classes and functions"] if len(alive) > TOLD else []
        return tuple(natural(line) for line in (*told, *more, *self._threads(), *self.tasks()))

    def tasks(self) -> tuple[str, ...]:
        """The tasks of the loop that runs in this thread whose stack runs through the scope's code."""
        try:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
        except RuntimeError:  # no loop runs here
            return ()
        return tuple(natural(f"task {task.get_name()}") for task in tasks if any(map(self._is_ours, _awaited(task.get_coro()))))

    def _threads(self) -> Iterator[str]:
        frames = sys._current_frames()  # noqa: SLF001 - documented, in spite of its name
        for thread in threading.enumerate():
            frame = frames.get(thread.ident or 0)
            if thread is not threading.current_thread() and any(map(self._is_ours, _callers(frame))):
                yield f"thread {thread.name}"

    def _is_ours(self, frame: FrameType) -> bool:
        return str(frame.f_globals.get("__name__", "")).startswith(self._prefix)


def _watched(scope: Scope) -> Iterator[Watched]:
    for module in scope.modules().values():
        yield "module", weakref.ref(module)
        for thing in list(vars(module).values()):
            if isinstance(thing, (type, FunctionType)) and thing.__module__ == module.__name__:
                yield "class" if isinstance(thing, type) else "function", weakref.ref(thing)


def _callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _awaited(waiting: Any) -> Iterator[FrameType]:
    """The frames of a suspended coroutine and of what it awaits."""
    while waiting is not None:
        kind = next((kind for kind in ("cr", "gi", "ag") if hasattr(waiting, f"{kind}_frame")), None)
        if kind is None:
            return
        if (frame := getattr(waiting, f"{kind}_frame")) is not None:
            yield frame
        waiting = getattr(waiting, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")


def _name(thing: Any) -> str:
    return thing.__name__ if isinstance(thing, ModuleType) else f"{thing.__module__}.{thing.__qualname__}"


def _holder(thing: object, alive: list[tuple[str, object]]) -> str:
    """The first holder that is not itself of the scope's, described so that one can find it."""
    ours = {id(alive), *(id(pair) for pair in alive), *(id(other) for _, other in alive)}
    ours |= {id(vars(other)) for _, other in alive if isinstance(other, ModuleType)}
    for holder in gc.get_referrers(thing):
        if id(holder) not in ours and not isinstance(holder, FrameType):
            return _described(holder)
    return "nothing that the collector knows"


def _described(holder: object) -> str:
    if isinstance(holder, ModuleType):
        return f"module {holder.__name__}"
    if isinstance(holder, (type, FunctionType)):
        return f"{type(holder).__name__} {holder.__module__}.{holder.__qualname__}"
    if isinstance(holder, (dict, CellType, list, tuple, set)):
        owner = next((one for one in gc.get_referrers(holder) if isinstance(one, (ModuleType, type, FunctionType))), None)
        return f"a {type(holder).__name__}" + (f" of {_described(owner)}" if owner is not None else "")
    return f"a {type(holder).__name__}"
