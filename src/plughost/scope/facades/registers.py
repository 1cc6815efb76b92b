"""`atexit` and `codecs` as a scope sees them: what code registers for ever is taken back when its scope closes."""

from __future__ import annotations

import atexit
import codecs
import contextlib
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any, TypeVar

from plughost.scope.facades.view import view
from plughost.scope.interior import Interior

Function = TypeVar("Function", bound=Callable[..., Any])


_pending: list[_Exit] = []


def see_atexit(interior: Interior) -> ModuleType:
    """The view of `atexit`: the scope's exit functions run when it closes, or with the process, whichever is first."""
    _with_the_process()

    def register(function: Function, /, *args: Any, **options: Any) -> Function:
        interior.undo.append(_Exit(function, args, options))
        return function

    def unregister(function: Callable[..., Any]) -> None:
        interior.undo[:] = [one for one in interior.undo if not (isinstance(one, _Exit) and one.function == function)]
        _pending[:] = [one for one in _pending if one.function != function]

    return view(atexit, interior, register=register, unregister=unregister)


class _Exit:
    """One call that code in a scope registered."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.function, self.args, self.options = function, args, options
        _pending.append(self)

    def __call__(self) -> None:
        _pending.remove(self)
        self.function(*self.args, **self.options)


@functools.cache
def _with_the_process() -> None:
    """Registered once: `atexit` never gives back the place of a function that was taken out."""

    def run() -> None:
        for one in reversed(_pending):
            with contextlib.suppress(Exception):  # as atexit: one that raises keeps no other from running
                one.function(*one.args, **one.options)

    atexit.register(run)


def see_codecs(interior: Interior) -> ModuleType:
    """The view of `codecs`."""

    def register(search: Callable[[str], Any], /) -> None:
        codecs.register(search)
        interior.undo.append(lambda: codecs.unregister(search))

    def register_error(errors: str, handler: Callable[[UnicodeError], Any], /) -> None:
        codecs.register_error(errors, handler)
        interior.undo.append(lambda: codecs.register_error(errors, codecs.strict_errors))

    return view(codecs, interior, register=register, register_error=register_error)
