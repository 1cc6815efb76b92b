"""What a running plugin knows of itself and may ask of the host."""

from __future__ import annotations

from logging import Logger
from pathlib import Path
from typing import Any, Protocol


class PluginContext(Protocol):
    """Handed to factories and lifespans, and there in every request as `request.state.context`."""

    @property
    def name(self) -> str:
        """The plugin's name."""
        ...

    @property
    def version(self) -> str:
        """The release that runs."""
        ...

    @property
    def config(self) -> Any:
        """What the operator configured: an instance of the plugin's `settings`, or a mapping where it has none."""
        ...

    @property
    def data(self) -> Path:
        """A directory of the plugin's own, kept over upgrades."""
        ...

    @property
    def log(self) -> Logger:
        """The plugin's logger."""
        ...

    async def render(self, slot: str, /, **props: object) -> str:
        """The fragments of a slot, joined, as HTML."""
        ...

    def use(self, name: str) -> Any:
        """What another plugin or the embedding application provides; raises LookupError where nobody does."""
        ...
