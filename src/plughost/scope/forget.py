"""What the standard library keeps about modules for ever, and how it lets go of a scope's.

Each function here knows one module of the standard library: where it keeps classes, functions or names that others handed to it, and
how to take out those of a scope. Several of these places are private; each is asked for with getattr, and tests/leaks shows for every
Python that nothing is kept. `Ours` says whether a thing was made by code of the scope, by the name of the module it was made in.
"""

from __future__ import annotations

import copyreg
import functools
import gc
import linecache
import logging
import sys
import typing
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

from plughost.scope.names import MANGLED

_modules = sys.modules
Ours = Callable[[object], bool]


def forget(root: str, directories: Iterable[str]) -> None:
    """Take everything of a scope out of the standard library's registries and caches."""

    def ours(thing: object) -> bool:
        return any(name == root or name.startswith(f"{root}.") for name in _made_in(thing))

    for take_out in (_typing, _copyreg, _warnings, _finalizers, _logging, _inspect, _generics, _ctypes, _sqlite):
        take_out(ours)
    here = tuple(directories)
    for cache in (linecache.cache, sys.path_importer_cache):
        _drop(cache, lambda path: isinstance(path, str) and path.startswith(here))


def _made_in(thing: object) -> Iterator[str]:
    """The names of the modules that a thing, its class, or what it carries was made in; a text is taken for such a name."""
    if isinstance(thing, str):
        yield thing
        return
    for one in (thing, type(thing)):
        if isinstance(module := getattr(one, "__module__", None), str):
            yield module
    for carried in _carried_by(thing):
        yield from _made_in(carried)


def _carried_by(thing: object) -> tuple[object, ...]:
    if isinstance(thing, MethodType):
        return (thing.__self__,)
    if isinstance(thing, functools.partial):
        return (thing.func, *thing.args, *thing.keywords.values())
    return ()


def _drop(registry: MutableMapping[Any, Any] | None, ours: Ours) -> None:
    """Remove the entries whose key is ours."""
    for key in [key for key in registry or () if any(map(ours, key if isinstance(key, tuple) else (key,)))]:
        if registry is not None:
            registry.pop(key, None)


def _of_the_host() -> Iterator[dict[str, Any]]:
    """The namespaces of modules that are no scope's."""
    for name, module in list(_modules.items()):
        if not name.startswith(MANGLED) and isinstance(module, ModuleType):
            yield module.__dict__


def _typing(ours: Ours) -> None:
    for clear in getattr(typing, "_cleanups", ()):  # the caches behind Optional[X], List[X]
        clear()
    for module in (typing, _modules.get("typing_extensions")):
        _drop(getattr(module, "_overload_registry", None), ours)


def _copyreg(ours: Ours) -> None:
    _drop(copyreg.dispatch_table, ours)


def _warnings(ours: Ours) -> None:
    filters = typing.cast("list[tuple[Any, ...]]", warnings.filters)
    kept = [one for one in filters if not ours(one[2])]
    if len(kept) != len(filters):
        filters[:] = kept
        getattr(warnings, "_filters_mutated", getattr(warnings, "_filters_mutated_lock_held", int))()
    for held in _of_the_host():  # "this was warned of here": keys hold the category
        _drop(held.get("__warningregistry__"), ours)
    _drop(getattr(warnings, "onceregistry", None), ours)


def _finalizers(ours: Ours) -> None:
    for finalizer, info in list(getattr(weakref.finalize, "_registry", {}).items()):
        if any(map(ours, (info.func, *(info.args or ()), *(info.kwargs or {}).values()))):
            finalizer.detach()


def _logging(ours: Ours) -> None:
    loggers = logging.root.manager.loggerDict
    for name in [name for name, logger in loggers.items() if ours(name) or ours(logger)]:
        del loggers[name]
    for logger in [logging.root, *loggers.values()]:
        if isinstance(logger, logging.Logger):
            logger.handlers[:] = [one for one in logger.handlers if not _carries(one, ours)]
            logger.filters[:] = [one for one in logger.filters if not ours(one)]


def _carries(handler: logging.Handler, ours: Ours) -> bool:
    return any(map(ours, (handler, handler.formatter, getattr(handler, "stream", None), *handler.filters)))


def _inspect(ours: Ours) -> None:
    inspect = _modules.get("inspect")
    for cache in (getattr(inspect, "modulesbyfile", {}), getattr(inspect, "_filesbymodname", {})):
        for key in [key for key, value in cache.items() if ours(key) or ours(value)]:
            del cache[key]
    for name in ("_shadowed_dict_from_mro_tuple", "_shadowed_dict_from_weakref_mro_tuple"):
        getattr(getattr(inspect, name, None), "cache_clear", int)()


def _generics(ours: Ours) -> None:
    """Implementations that were registered with somebody else's functools.singledispatch function."""
    for held in _of_the_host():
        for function in list(held.values()):
            if type(function) is FunctionType and isinstance(getattr(function, "registry", None), MappingProxyType):
                _unregister(function, ours)


def _unregister(generic: Any, ours: Ours) -> None:
    stale = [cls for cls, implementation in generic.registry.items() if ours(cls) or ours(implementation)]
    for behind in gc.get_referents(generic.registry) if stale else ():  # the mapping behind the read-only view
        for cls in stale:
            behind.pop(cls, None)
    if stale:
        getattr(generic, "_clear_cache", int)()


def _ctypes(ours: Ours) -> None:
    ctypes = _modules.get("ctypes")
    for name in ("_pointer_type_cache", "_c_functype_cache", "_win_functype_cache"):
        _drop(getattr(ctypes, name, None), ours)


def _sqlite(ours: Ours) -> None:
    _drop(getattr(_modules.get("sqlite3"), "adapters", None), ours)
