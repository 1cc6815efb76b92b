"""What happens in the host, as frozen values; rooms get an `emit` and hand these to it.

`kind` is the event's name on the wire (contract §4), the fields are its data; None fields are left out there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    kind: ClassVar[str] = "event"
    plugin: str | None = None
    version: str | None = None
    generation: int | None = None
    operation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChanged(Event):
    """A generation entered a phase."""

    kind: ClassVar[str] = "plugin.phase"
    phase: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MountedEvent(Event):
    """A generation serves under its mount."""

    kind: ClassVar[str] = "plugin.mounted"
    mount: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired(Event):
    """A generation has stopped."""

    kind: ClassVar[str] = "plugin.retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationProgress(Event):
    """An operation entered a phase or moved on in it."""

    kind: ClassVar[str] = "operation.progress"
    phase: str
    bytes: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationEnded(Event):
    """An operation succeeded or failed."""

    kind: ClassVar[str] = "operation.ended"
    verb: str
    state: str
    code: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProblem(Event):
    """A source cannot be read, or one of its entries cannot be taken; told once for each new problem."""

    kind: ClassVar[str] = "source.problem"
    source: str
    problem: str
    entry: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecovered(Event):
    """A source that had a problem has none any more."""

    kind: ClassVar[str] = "source.recovered"
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotFailed(Event):
    """A contribution failed or was late."""

    kind: ClassVar[str] = "slot.failed"
    slot: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakFound(Event):
    """Something of a closed scope is still alive."""

    kind: ClassVar[str] = "leak.found"
    what: str


Emit = Callable[[Event], None]
