"""The border: what runs, whatever it was made from and wherever it runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from plughost.registry import Contribution
from plughost.types import ASGIApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A plugin that runs."""

    app: ASGIApp | None
    """None: it has no routes."""
    contributions: tuple[Contribution, ...] = ()
    probe: Callable[[], Awaitable[None]]
    """Raises where the plugin is not fit to serve."""
    state: Mapping[str, object] = field(default_factory=dict)
    """What joins the state of its requests."""
    openapi: Callable[[], Mapping[str, object] | None] | None = None
    """Makes its OpenAPI fragment: natural names, paths below the mount; None where it has none to show. Not on the loop."""
    provides: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """Seconds."""

    load: float = 30.0
    start: float = 30.0
    stop: float = 10.0
