"""`sys` as a scope sees it: modules by natural name, a search path and importers of its own, no write to the real one.

Streams and hooks are looked up by the interpreter in the real module, so they are read from there and set there; the first one to
set one remembers what was before, deleting it puts that back, and so does the end of the scope.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from plughost.scope.facades.modules import ModulesView
from plughost.scope.facades.view import fill
from plughost.scope.interior import Interior

_LIVE = ("stdin", "stdout", "stderr", "excepthook", "displayhook", "unraisablehook", "breakpointhook")
_LAST = ("last_type", "last_value", "last_traceback", "last_exc")
_OWN_LISTS = ("argv", "path_hooks", "warnoptions")


def see_sys(interior: Interior) -> ModuleType:
    """The view of `sys`."""
    copies: dict[str, Any] = {name: list(getattr(sys, name)) for name in _OWN_LISTS if hasattr(sys, name)}
    seen = _Sys("sys", interior)
    fill(seen, sys, interior, modules=ModulesView(interior.names), path_importer_cache={}, **copies)
    for name in (*_LIVE, *_LAST, "path", "meta_path"):
        vars(seen).pop(name, None)
    interior.undo.append(seen.restore)
    return seen


class _Live(property):
    """An attribute that exists once for the process."""

    def __init__(self, name: str) -> None:
        super().__init__(lambda _: getattr(sys, name), lambda seen, value: seen.replace(name, value), lambda seen: seen.restore(name))


class _Sys(ModuleType):
    def __init__(self, name: str, interior: Interior) -> None:
        super().__init__(name, sys.__doc__)
        vars(self)["__replaced__"] = {}
        vars(self)["__interior__"] = interior

    stdin, stdout, stderr = _Live("stdin"), _Live("stdout"), _Live("stderr")
    excepthook, displayhook = _Live("excepthook"), _Live("displayhook")
    unraisablehook, breakpointhook = _Live("unraisablehook"), _Live("breakpointhook")

    @property
    def path(self) -> list[str]:
        return vars(self)["__interior__"].path  # type: ignore[no-any-return]

    @path.setter
    def path(self, value: list[str]) -> None:
        self.path[:] = value

    @property
    def meta_path(self) -> list[object]:
        return vars(self)["__interior__"].search.meta_path  # type: ignore[no-any-return]

    @meta_path.setter
    def meta_path(self, value: list[object]) -> None:
        self.meta_path[:] = value

    def replace(self, name: str, value: object) -> None:
        """Set it for the process; what was there before the scope's first write is kept."""
        before, _ = vars(self)["__replaced__"].get(name, (getattr(sys, name), None))
        vars(self)["__replaced__"][name] = before, value
        setattr(sys, name, value)

    def restore(self, *names: str) -> None:
        """Put back what was there before, unless somebody else has set it since."""
        replaced = vars(self)["__replaced__"]
        for name in names or tuple(replaced):
            if name in replaced:
                before, value = replaced.pop(name)
                setattr(sys, name, before if getattr(sys, name) is value else getattr(sys, name))
