"""How a view of a module is made."""

from __future__ import annotations

import importlib
from types import ModuleType

from plughost.scope.interior import Interior


def view(real: ModuleType, interior: Interior, **own: object) -> ModuleType:
    """A module like the real one whose attributes are its own, with some of them replaced."""
    return fill(ModuleType(real.__name__, real.__doc__), real, interior, **own)


def fill(made: ModuleType, real: ModuleType, interior: Interior, **own: object) -> ModuleType:
    """The module given, filled as `view` says; what the real one gains later is seen too, sub-modules as the scope sees them."""

    def later(name: str) -> object:
        if name.startswith("__"):  # asked for `__path__` by every `from` import
            raise AttributeError(f"module {real.__name__!r} has no attribute {name!r}")
        child = f"{real.__name__}.{name}"
        if interior.names.has_facade(child):
            return importlib.import_module(interior.names.prefix + child)
        return getattr(real, name)

    seen = {name: value for name, value in vars(real).items() if not interior.names.has_facade(f"{real.__name__}.{name}")}
    vars(made).update(seen, __getattr__=later)
    vars(made).update(own)
    return made
