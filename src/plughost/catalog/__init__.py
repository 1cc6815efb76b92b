"""What indexes say: which plugins should run, and which release answers an install by name. Nothing of it is trusted.

It knows no operator and no plugin that runs; whoever asks decides what follows. Lazy: the schema needs pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plughost.catalog.compose import Catalog
    from plughost.catalog.http import ListSource
    from plughost.catalog.local import FolderSource
    from plughost.catalog.simple import SimpleSource
    from plughost.catalog.source import Answer, EntryProblem, Kind, Source

__all__ = ["Answer", "Catalog", "EntryProblem", "FolderSource", "Kind", "ListSource", "SimpleSource", "Source"]

_HOMES = {
    "Answer": "source",
    "Catalog": "compose",
    "EntryProblem": "source",
    "FolderSource": "local",
    "Kind": "source",
    "ListSource": "http",
    "SimpleSource": "simple",
    "Source": "source",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
