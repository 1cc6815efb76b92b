"""A contribution: what one generation of a plugin puts into a slot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from plughost.model.owner import Owner
from plughost.registry.visits import Visits

Render = Callable[[dict[str, object]], object]
"""Takes all props in a dict of its own, validates what it needs (PropsInvalid), returns the content or an awaitable of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contribution:
    """One render function in one slot; `sync` ones run in a thread, the others on the loop."""

    slot: str
    order: int = 0
    render: Render
    owner: Owner
    position: int = 0
    """Where it stands among the plugin's declarations."""
    sync: bool = False
    visits: Visits = field(default_factory=Visits, compare=False, repr=False)
    """The generation that a render keeps alive; the table fills it in."""

    @property
    def place(self) -> tuple[int, str, int]:
        """What contributions of one slot are sorted by."""
        return self.order, self.owner.plugin, self.position
