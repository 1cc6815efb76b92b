"""What the API stands on: the rooms it asks, as one frozen value that host.py fills in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from plughost.api.journal import Journal
from plughost.control.actors import Actors
from plughost.control.follow import Follower
from plughost.control.intents import Intents
from plughost.control.operate import Operator
from plughost.control.operations import Operations
from plughost.ledger import Ledger
from plughost.registry import Registry, Rendered


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The host as the API sees it."""

    operator: Operator
    operations: Operations
    intents: Intents
    actors: Actors
    ledger: Ledger
    registry: Registry
    followers: tuple[Follower, ...]
    journal: Journal
    render: Callable[[str, Mapping[str, object]], Awaitable[Rendered]]
    ready: Callable[[], bool]
    stopping: Callable[[], bool]
    prefix: str = ""
