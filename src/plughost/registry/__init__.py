"""Who serves what: the table of mounts and slots, the visits inside each generation, and the ASGI app in front of them.

Sees ASGI callables, plain callables and dicts; knows no framework, and nothing of where plugins come from.
Reading order: table, visits, request, dispatch; contribution, turn, lanes, slots; registry.
"""

from __future__ import annotations

from plughost.registry.contribution import Contribution
from plughost.registry.dispatch import Dispatch
from plughost.registry.registry import Registry
from plughost.registry.slots import Failure, Rendered, render, to_html
from plughost.registry.table import Mounted, Table, Unavailable
from plughost.registry.turn import Item
from plughost.registry.visits import Visits

__all__ = [
    "Contribution",
    "Dispatch",
    "Failure",
    "Item",
    "Mounted",
    "Registry",
    "Rendered",
    "Table",
    "Unavailable",
    "Visits",
    "render",
    "to_html",
]
