"""The inside of one scope, as its machinery shares it: names, builtins, search, and what has to be undone when it closes."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

from plughost.model.sharing import Sharing
from plughost.scope.importing import import_module, import_statement
from plughost.scope.names import Names
from plughost.scope.search import Search


@dataclass(frozen=True, slots=True, eq=False)
class Interior:
    """What code in one scope stands on."""

    names: Names
    sharing: Sharing
    path: list[str]
    """Its `sys.path`, which is the `__path__` of the root package too."""
    search: Search
    builtins: dict[str, object]
    undo: list[Callable[[], None]] = field(default_factory=list)
    """What facades have changed outside, each with its own way back; the last one first."""

    def import_module(self, name: str, package: str | None = None) -> ModuleType:
        """`importlib.import_module`, for code of this scope."""
        return import_module(self.names, name, package)


def furnish(names: Names, sharing: Sharing) -> Interior:
    """The inside of a scope, with builtins of its own."""
    path = [str(directory) for directory in sharing.private]
    mapping: dict[str, object] = dict(vars(builtins))
    interior = Interior(names=names, sharing=sharing, path=path, search=Search(names, path, mapping), builtins=mapping)
    mapping["__import__"] = import_statement(names)
    return interior
