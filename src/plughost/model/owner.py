"""Whose code is running: one context variable, set around everything a plugin does.

Load threads, generation tasks, requests and renders run with it; the log filter, the task factory and the leak check read it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Owner:
    """One generation of one plugin."""

    plugin: str
    version: str
    generation: int

    def __str__(self) -> str:
        return f"{self.plugin} {self.version} (generation {self.generation})"


current: ContextVar[Owner | None] = ContextVar("plughost owner", default=None)
