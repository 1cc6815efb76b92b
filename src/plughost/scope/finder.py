"""The one importer that plughost adds to a process, for all scopes and natives.

It answers for two kinds of names and is silent for all others:
* mangled names of scopes that are open. Here it never says "not mine": the process's own path finder would load the file without
  the scope's builtins, for a scope's packages have real directories as their `__path__`. It finds a module or raises;
* natural names of natives (natives.py).

For a scope's name there are, in this order: the scope's own view of a host's module, the host's own module where a dotted name is
shared, the scope's search, and an empty package where only something below it is shared (`plughost`, above `plughost.sdk`).
A host's module under a mangled name is the module itself: the spec's loader gives it out as "created" and then puts its own
`__spec__` back, since the machinery has overwritten it. Binding and `from` lists follow by themselves.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from plughost.scope import natives
from plughost.scope.facades import TABLE
from plughost.scope.interior import Interior
from plughost.scope.names import MANGLED

_open: dict[str, Interior] = {}


class _AsItIs:
    """A loader whose module exists already."""

    def __init__(self, module: ModuleType) -> None:
        spec = module.__spec__
        while spec is not None and isinstance(spec.loader, _AsItIs):  # another thread is between create and exec
            spec = spec.loader.spec
        self.module, self.spec = module, spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        del spec
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class Finder:
    """The importer."""

    def find_spec(self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a scope's module or of a native; None for every other name, ModuleNotFoundError for a scope's unknown one."""
        del target
        if not fullname.startswith(MANGLED):
            return natives.find(fullname, path)
        root, _, plain = fullname.partition(".")
        if root not in _open:
            raise ModuleNotFoundError("the plugin has been stopped, nothing can be imported for it any more", name=fullname)
        spec = _in_scope(_open[root], fullname, plain, path)
        if spec is None:
            raise ModuleNotFoundError(f"No module named {plain!r}", name=fullname)
        return spec

    def invalidate_caches(self) -> None:
        """Look at every open scope's directories afresh."""
        for interior in list(_open.values()):
            interior.search.invalidate_caches()


def _in_scope(interior: Interior, fullname: str, plain: str, path: Sequence[str] | None) -> ModuleSpec | None:
    of_host = interior.names.of_host(plain)
    if of_host and plain in TABLE:
        return ModuleSpec(fullname, _AsItIs(TABLE[plain](interior)))  # type: ignore[arg-type] # a loader by protocol
    if of_host:
        return ModuleSpec(fullname, _AsItIs(importlib.import_module(plain)))  # type: ignore[arg-type] # likewise
    spec = interior.search.find(fullname, path)
    if spec is None and interior.names.leads_to_host(plain):
        return ModuleSpec(fullname, None, is_package=True)
    return spec


_finder = Finder()


def enter(interior: Interior) -> tuple[str, ...]:
    """From now on the scope's modules are found; returns what `keep_first` does. ValueError where the root is taken."""
    if _open.setdefault(interior.names.root, interior) is not interior:
        raise ValueError(f"a scope {interior.names.root} is open already")
    return keep_first()


def leave(interior: Interior) -> None:
    """Nothing of the scope is found any more."""
    _open.pop(interior.names.root, None)


def keep_first() -> tuple[str, ...]:
    """Our importer is asked before all others; returns the names of those that had got in front of it since it was put there."""
    if sys.meta_path and sys.meta_path[0] is _finder:
        return ()
    front = sys.meta_path[: sys.meta_path.index(_finder)] if _finder in sys.meta_path else []
    sys.meta_path[:] = [_finder, *(importer for importer in sys.meta_path if importer is not _finder)]
    return tuple(f"{type(importer).__module__}.{type(importer).__qualname__}" for importer in front)
