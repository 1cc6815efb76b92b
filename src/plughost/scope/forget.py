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

    def is_ours(name: str) -> bool:
        return name.startswith(root) and (len(name) == len(root) or name[len(root)] == ".")

    def ours(thing: object) -> bool:
        return is_ours(thing) if isinstance(thing, str) else any(map(is_ours, _made_in(thing)))

    for take_out in (_typing, _copyreg, _finalizers, _logging, _inspect, _ctypes, _sqlite):
        take_out(ours)
    hosts = _of_the_host()
    _warnings(ours, hosts)
    _generics(ours, hosts)
    here = tuple(directories)
    for cache in (linecache.cache, sys.path_importer_cache):
        _drop(cache, lambda path: isinstance(path, str) and path.startswith(here))


def _made_in(thing: object) -> Iterator[str]:
    """The names of the modules that a thing, its class, or what it carries was made in."""
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
    """Remove the entries whose key is ours, or has something of ours in it."""
    if registry is None:
        return
    for key in list(registry):  # a copy, as everywhere here: other threads go on importing and logging
        if any(map(ours, key if isinstance(key, tuple) else (key,))):
            registry.pop(key, None)


def _of_the_host() -> list[dict[str, Any]]:
    """The namespaces of modules that are no scope's."""
    hosts = [module for name, module in list(_modules.items()) if not name.startswith(MANGLED)]
    return [module.__dict__ for module in hosts if isinstance(module, ModuleType)]


def _typing(ours: Ours) -> None:
    for clear in getattr(typing, "_cleanups", ()):  # the caches behind Optional[X], List[X]
        clear()
    for module in (typing, _modules.get("typing_extensions")):
        _drop(getattr(module, "_overload_registry", None), ours)


def _copyreg(ours: Ours) -> None:
    _drop(copyreg.dispatch_table, ours)


def _warnings(ours: Ours, hosts: Iterable[dict[str, Any]]) -> None:
    filters = typing.cast("list[tuple[Any, ...]]", warnings.filters)
    kept = [one for one in filters if not ours(one[2])]
    if len(kept) != len(filters):
        filters[:] = kept
        getattr(warnings, "_filters_mutated", getattr(warnings, "_filters_mutated_lock_held", int))()
    for held in hosts:  # "this was warned of here": keys hold the category
        _drop(held.get("__warningregistry__"), ours)
    _drop(getattr(warnings, "onceregistry", None), ours)


def _finalizers(ours: Ours) -> None:
    for finalizer, info in list(getattr(weakref.finalize, "_registry", {}).items()):
        if any(map(ours, (info.func, *(info.args or ()), *(info.kwargs or {}).values()))):
            finalizer.detach()


def _logging(ours: Ours) -> None:
    loggers = logging.root.manager.loggerDict
    known = list(loggers.items())
    kinds = {kind for kind in {type(logger) for _, logger in known} if ours(kind)}
    for name, logger in known:
        if type(logger) in kinds or ours(name):
            loggers.pop(name, None)
    for logger in [logging.root, *list(loggers.values())]:
        if isinstance(logger, logging.Logger):
            logger.handlers[:] = [one for one in logger.handlers if not _carries(one, ours)]
            logger.filters[:] = [one for one in logger.filters if not ours(one)]


def _carries(handler: logging.Handler, ours: Ours) -> bool:
    return any(map(ours, (handler, handler.formatter, getattr(handler, "stream", None), *handler.filters)))


def _inspect(ours: Ours) -> None:
    inspect = _modules.get("inspect")
    for cache in (getattr(inspect, "modulesbyfile", {}), getattr(inspect, "_filesbymodname", {})):
        for key in [key for key, value in list(cache.items()) if ours(key) or ours(value)]:
            cache.pop(key, None)
    for name in ("_shadowed_dict_from_mro_tuple", "_shadowed_dict_from_weakref_mro_tuple"):
        getattr(getattr(inspect, name, None), "cache_clear", int)()


def _generics(ours: Ours, hosts: Iterable[dict[str, Any]]) -> None:
    """Implementations that were registered with somebody else's functools.singledispatch function."""
    for held in hosts:
        for function in list(held.values()):
            if type(function) is FunctionType and isinstance(getattr(function, "registry", None), MappingProxyType):
                _unregister(function, ours)


def _unregister(generic: Any, ours: Ours) -> None:
    stale = [cls for cls, implementation in list(generic.registry.items()) if ours(cls) or ours(implementation)]
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
