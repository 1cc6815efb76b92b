"""Where the modules of one scope come from: its directories, and the importers that its packages install.

The site's directories never change, so an index says once which of them has a top-level name; what code adds to its `sys.path` is
looked at as the interpreter would. A directory gives packages, modules, sourceless modules and portions of namespaces (PEP 420),
never an extension module: those are natives. Other entries, archives say, go through the process's path hooks.

Every loader found runs its module with the scope's builtins. It keeps its type (jinja2's PackageLoader asks for it): `exec_module`
is replaced on the instance.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.abc import Loader
from importlib.machinery import BYTECODE_SUFFIXES, SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from plughost.scope.bytecode import keep
from plughost.scope.hidden import hidden
from plughost.scope.names import Names

_LOADERS: tuple[tuple[type[Loader], list[str]], ...] = (
    (SourceFileLoader, SOURCE_SUFFIXES),
    (SourcelessFileLoader, BYTECODE_SUFFIXES),
)


class Portions(list[str]):
    """The `__path__` of a namespace package; importlib.resources knows one by how it prints."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"_NamespacePath({list(self)!r})"


class Search:
    """Finds the modules of one scope."""

    def __init__(self, names: Names, path: list[str], builtins: dict[str, object]) -> None:
        """`path` is the scope's `sys.path`: code in the scope may change it, what is there now never changes on disk."""
        self._names, self._builtins = names, builtins
        self._tops = {directory: _tops(directory) for directory in path}
        self._site = tuple(f"{directory}{os.sep}" for directory in path)
        self._finders: dict[str, Any] = {}
        self.meta_path: list[object] = [self]
        """The scope's `sys.meta_path`; this object stands in it for the directories."""

    def find(self, fullname: str, path: Sequence[str] | None) -> ModuleSpec | None:
        """The module's spec, from the first of the scope's importers that knows it; None where none does."""
        for importer in list(self.meta_path):
            ask = self._in_directories if importer is self else partial(self._of_package, importer)
            if (found := ask(fullname, path or ())) is not None:
                return found
        return None

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """As an importer in the scope's `sys.meta_path`: by natural or mangled name."""
        del target
        return self._in_directories(self._names.full(name), self.path_of(name) if path is None else path)

    def path_of(self, name: str) -> Sequence[str]:
        """Where a module of that name would be looked for."""
        parent = self._names.full(name).rpartition(".")[0]
        return list(getattr(sys.modules.get(parent or self._names.root), "__path__", ()))

    def adopt(self, spec: ModuleSpec) -> ModuleSpec:
        """The spec, with a loader that runs the module in this scope."""
        if hasattr(spec.loader, "exec_module") and not isinstance(spec.loader, type):
            spec.loader = self._inside(copy.copy(spec.loader))
        return spec

    def invalidate_caches(self) -> None:
        """Look at directories afresh."""
        for finder in self._finders.values():
            finder.invalidate_caches()

    def _of_package(self, importer: object, fullname: str, path: Sequence[str]) -> ModuleSpec | None:
        """What an importer that a package has installed says, run in the scope."""
        spec = _asked(importer, fullname, self._names, path)
        return None if spec is None else self.adopt(spec)

    def _inside(self, loader: Any) -> Any:
        if not isinstance(getattr(loader, "exec_module", None), partial):
            loader.exec_module = partial(_execute, loader.exec_module, self._builtins)
        return loader

    def _in_directories(self, fullname: str, path: Iterable[str]) -> ModuleSpec | None:
        portions = Portions()
        for finder in self._finders_for(fullname, path):
            spec = finder.find_spec(fullname)
            if spec is None:
                continue
            if spec.loader is not None:
                if str(spec.origin).startswith(self._site):
                    keep(spec.loader)
                spec.loader = self._inside(spec.loader)
                return spec  # type: ignore[no-any-return] # finders of path hooks are untyped
            portions.extend(spec.submodule_search_locations or ())
        return _namespace(fullname, portions) if portions else None

    def _finders_for(self, fullname: str, path: Iterable[str]) -> Iterator[Any]:
        parent, _, tail = fullname.rpartition(".")
        top = parent == self._names.root
        for entry in path:
            if top and tail not in self._tops.get(entry, (tail,)):
                continue
            if entry not in self._finders:
                self._finders[entry] = _finder(entry)
            if self._finders[entry] is not None:
                yield self._finders[entry]


@hidden
def _execute(plain: Callable[[ModuleType], None], builtins: dict[str, object], module: ModuleType) -> None:
    """Run a module with the builtins of its scope."""
    module.__dict__["__builtins__"] = builtins
    plain(module)


def _tops(directory: str) -> frozenset[str]:
    try:
        return frozenset(entry.name.partition(".")[0] for entry in os.scandir(directory))
    except OSError:
        return frozenset()


def _finder(entry: str) -> Any:
    if Path(entry).is_dir():
        return FileFinder(entry, *_LOADERS)
    for hook in sys.path_hooks:
        try:
            return hook(entry)
        except ImportError:
            continue
    return None


def _namespace(fullname: str, portions: Portions) -> ModuleSpec:
    spec = ModuleSpec(fullname, None, is_package=True)
    spec.submodule_search_locations = portions
    return spec


def _asked(importer: Any, fullname: str, names: Names, path: Sequence[str]) -> ModuleSpec | None:
    """What an importer of the scope's own says of a module, asked by the mangled, then by the natural name."""
    if not hasattr(importer, "find_spec"):
        return None
    spec: ModuleSpec | None = importer.find_spec(fullname, path, None)
    if spec is not None:
        return spec
    plain = names.natural(fullname)
    spec = importer.find_spec(plain, path if "." in plain else None, None)
    return None if spec is None else _renamed(spec, fullname)


def _renamed(spec: ModuleSpec, fullname: str) -> ModuleSpec:
    """The spec under the mangled name, with a loader whose module is named so too."""
    spec.name = fullname
    if spec.loader is None or isinstance(spec.loader, type):
        return spec
    loader = copy.copy(spec.loader)
    create = getattr(loader, "create_module", None)

    def create_module(spec: ModuleSpec) -> ModuleType | None:
        module = create(spec) if create else None
        if module is not None:
            module.__name__ = spec.name
        return module

    loader.create_module = create_module  # type: ignore[method-assign] # on the instance alone
    spec.loader = loader
    return spec
