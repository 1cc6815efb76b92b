"""An operation: one mutation under way or ended, as clients see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Verb = Literal["install", "enable", "disable", "upgrade", "rollback", "reload", "resume", "uninstall", "follow", "start"]
OperationState = Literal["running", "succeeded", "failed"]
STEPS = ("waiting", "fetch", "verify", "resolve", "install", "negotiate", "import", "start", "probe", "mount", "drain", "stop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One phase of an operation; `started` in seconds since the epoch, `seconds` None while it runs."""

    name: str
    started: float
    seconds: float | None = None
    bytes: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One mutation of one plugin; a new value for each change."""

    id: str
    verb: Verb
    plugin: str
    version: str | None = None
    by: str
    reason: str = ""
    state: OperationState = "running"
    steps: tuple[Step, ...] = ()
    error: Mapping[str, object] | None = None
    """What `plughost.errors.describe` says of the error that ended it."""
    notes: tuple[str, ...] = ()
    """What was done otherwise than one may think, e.g. what the guard left out."""
    started: float
    ended: float | None = None
    origin: str = field(default="", compare=False)
    """Where the call came from: an address, or empty."""

    @property
    def phase(self) -> str:
        """The phase it is in, or ended in."""
        return self.steps[-1].name if self.steps else "waiting"
