"""What an import statement in a scope does.

A module runs with the `__builtins__` mapping of its scope, and the interpreter takes `__import__` from there. Ours only decides the
name: the host's as it is, the scope's own mangled. All else is the interpreter's own import, which then asks our finder for mangled
names; so locks, sub-module binding, `from` lists, circular imports and errors are the ones of the language reference.

Two things are left to do: `import a.b` gives the scope's `a` and not its root, and a relative import must not climb out of it.
"""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import resolve_name
from types import ModuleType
from typing import Any

from plughost.scope.hidden import hidden
from plughost.scope.names import Names

_real_import = builtins.__import__
_modules = sys.modules


@hidden
def import_statement(names: Names) -> Callable[..., ModuleType]:
    """The `__import__` of a scope."""
    places = names.places

    def import_name(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - a documented keyword
        locals: Mapping[str, Any] | None = None,  # noqa: A002 - a documented keyword
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        try:
            if level:
                package = _package(globals or {})
                if level > package.count("."):
                    _refuse_to_climb(names, package)
                return _real_import(name, globals, locals, fromlist or (), level)
            place = places[name] if name in places else names.place(name)
            if place is None:
                return _real_import(name, globals, locals, fromlist or (), 0)
            module = _real_import(place[0], globals, locals, fromlist or (), 0)
            return module if fromlist else _modules[place[1]]
        except ModuleNotFoundError as error:
            names.unmangle(error)
            raise

    return import_name


def _refuse_to_climb(names: Names, package: str) -> None:
    """A relative import would leave the scope: say so in the interpreter's words; one outside of it is none of our business."""
    if package == names.root:
        raise ImportError("attempted relative import with no known parent package")
    if package.startswith(names.prefix):
        raise ImportError("attempted relative import beyond top-level package")


def _package(module: Mapping[str, Any]) -> str:
    if (package := module.get("__package__")) is not None:
        return str(package)
    if (spec := module.get("__spec__")) is not None:
        return str(spec.parent)
    name = str(module.get("__name__", ""))
    return name if "__path__" in module else name.rpartition(".")[0]


@hidden
def import_module(names: Names, name: str, package: str | None = None) -> ModuleType:
    """The module of that name, as `importlib.import_module` says it; natural and mangled names are both understood."""
    if name.startswith("."):
        if not package:
            raise TypeError(f"the 'package' argument is required to perform a relative import for {name!r}")
        name = resolve_name(name, names.natural(package))
    try:
        return importlib.import_module(names.full(name))
    except ModuleNotFoundError as error:
        names.unmangle(error)
        raise
