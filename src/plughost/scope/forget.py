"""What the standard library keeps about modules for ever, and how it lets go of a scope's."""

from __future__ import annotations

import copyreg
import linecache
import logging
import sys
import typing
import warnings
import weakref
from collections.abc import Callable, Sequence

_modules = sys.modules


def forget(prefix: str, directories: Sequence[str]) -> None:
    """Take everything of a scope out of the standard library's registries and caches."""
    for take_out in (_typing, _copyreg, _warnings, _finalizers, _logging, _inspect):
        take_out(lambda thing: _belongs(thing, prefix))
    for path in [path for path in linecache.cache if path.startswith(tuple(directories))]:
        linecache.cache.pop(path, None)
    for path in [path for path in sys.path_importer_cache if path.startswith(tuple(directories))]:
        sys.path_importer_cache.pop(path, None)


Ours = Callable[[object], bool]


def _belongs(thing: object, prefix: str) -> bool:
    for one in (thing, type(thing)):
        module = getattr(one, "__module__", None)
        if isinstance(module, str) and module.startswith(prefix):
            return True
    return isinstance(thing, str) and thing.startswith(prefix)


def _typing(ours: Ours) -> None:
    for clear in getattr(typing, "_cleanups", ()):  # the caches behind Optional[X], List[X]
        clear()
    overloads = getattr(typing, "_overload_registry", {})
    for module in [module for module in overloads if ours(module)]:
        del overloads[module]


def _copyreg(ours: Ours) -> None:
    for cls in [cls for cls in copyreg.dispatch_table if ours(cls)]:
        del copyreg.dispatch_table[cls]


def _warnings(ours: Ours) -> None:
    kept = [one for one in warnings.filters if not ours(one[2])]
    if len(kept) != len(warnings.filters):
        warnings.filters[:] = kept  # type: ignore[index] # a list, which typeshed does not say
        getattr(warnings, "_filters_mutated", lambda: None)()
    for module in list(_modules.values()):
        seen = getattr(module, "__dict__", {}).get("__warningregistry__")
        for key in [key for key in seen or () if isinstance(key, tuple) and any(map(ours, key))]:
            del seen[key]


def _finalizers(ours: Ours) -> None:
    registry = getattr(weakref.finalize, "_registry", {})
    for finalizer, info in list(registry.items()):
        if ours(info.func):
            finalizer.detach()


def _logging(ours: Ours) -> None:
    loggers = logging.root.manager.loggerDict
    for name in [name for name in loggers if ours(name) or ours(loggers[name])]:
        del loggers[name]
    for logger in [logging.root, *loggers.values()]:
        if isinstance(logger, logging.Logger):
            logger.handlers[:] = [handler for handler in logger.handlers if not ours(handler)]
            logger.filters[:] = [one for one in logger.filters if not ours(one)]


def _inspect(ours: Ours) -> None:
    inspect = _modules.get("inspect")
    for cache in (getattr(inspect, "modulesbyfile", {}), getattr(inspect, "_filesbymodname", {})):
        for key in [key for key, value in cache.items() if ours(key) or ours(value)]:
            del cache[key]
    for name in ("_shadowed_dict_from_mro_tuple", "_shadowed_dict_from_weakref_mro_tuple"):
        if (function := getattr(inspect, name, None)) is not None:
            function.cache_clear()
