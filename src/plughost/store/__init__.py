"""Where wheels become sites: fetched, verified, unpacked once for the machine, resolved once for a release, kept while in use.

Reading order: store (the story), once, supply, wheels, unpack, leases, retained; resolve, stubs, child, uv, pip, strays, said;
lock, closure, dependencies, pins; claims, origins; layout, disk, threads, turn.
It knows nothing of plugins that run, of operators or of lists.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plughost.store.once import Once, Report
    from plughost.store.store import Store

__all__ = ["Once", "Report", "Store"]

_HOMES = {"Once": "once", "Report": "once", "Store": "store"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
