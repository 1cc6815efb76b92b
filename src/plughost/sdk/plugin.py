"""The declaration of a plugin: its routes, contributions, lifespan, settings, probe."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

Render = Callable[..., Any]
R = TypeVar("R", bound=Render)
L = TypeVar("L", bound=Callable[..., Any])
P = TypeVar("P", bound=Callable[[], Awaitable[None]])


@dataclass(frozen=True, slots=True)
class SlotContribution:
    """What a plugin puts into a slot."""

    slot: str
    order: int
    render: Render


class Plugin:
    """One plugin; the object that the entry point names.

    `routes`: an APIRouter, a FastAPI or any ASGI application. `settings`: a pydantic model or dataclass that the operator's
    config is validated against. `title`: what people call it.
    """

    def __init__(
        self,
        routes: object = None,
        *,
        lifespan: Callable[..., Any] | None = None,
        settings: type | None = None,
        probe: Callable[[], Awaitable[None]] | None = None,
        title: str | None = None,
    ) -> None:
        self.routes = routes
        self.settings = settings
        self.title = title
        self.lifespans: list[Callable[..., Any]] = [] if lifespan is None else [lifespan]
        self.probes: list[Callable[[], Awaitable[None]]] = [] if probe is None else [probe]
        self.contributions: list[SlotContribution] = []
        self.provided: dict[str, object] = {}
        self.required: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<Plugin {self.title or 'without a title'}: {len(self.contributions)} contributions>"

    def slot(self, name: str, *, order: int = 0) -> Callable[[R], R]:
        """Put what the function returns into a slot: Html, text, or anything that is JSON. Sync or async; its parameters are the props."""
        if not isinstance(name, str) or not name:
            raise TypeError('@plugin.slot needs the name of the slot: @plugin.slot("profile-icons")')
        if not isinstance(order, int):
            raise TypeError(f"the order of a contribution to {name!r} is a whole number, not {order!r}")

        def register(render: R) -> R:
            if not callable(render):
                raise TypeError(f"what fills {name!r} is a function that returns it, not {render!r}")
            self.contributions.append(SlotContribution(name, order, render))
            return render

        return register

    def lifespan(self, function: L) -> L:
        """An async generator (or async context manager) over the context; a mapping that it yields joins `request.state`."""
        self.lifespans.append(function)
        return function

    def probe(self, function: P) -> P:
        """`async () -> None`; the release is not proven while it raises."""
        self.probes.append(function)
        return function

    def provides(self, name: str, value: object) -> None:
        """Offer something to other plugins, by `context.use(name)`."""
        self.provided[name] = value

    def requires(self, name: str, specifier: str = "") -> None:
        """Say that another plugin's `provides` is needed, at versions that the specifier (PEP 440) admits."""
        self.required[name] = specifier
