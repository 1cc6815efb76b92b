"""The ledger's own nouns, and every noun as a row: JSON text that reads back as the same value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any, Final, Literal

from plughost.model.intent import Override
from plughost.model.operation import Operation, Step
from plughost.model.plugin import Listing, PluginName, Target, WheelFile
from plughost.model.revocation import Reasons

Role = Literal["viewer", "operator", "admin"]


class Keep(Enum):
    """Leave the row as it is."""

    KEEP = "keep"


class Clear(Enum):
    """Take the row away."""

    CLEAR = "clear"


KEEP: Final = Keep.KEEP
CLEAR: Final = Clear.CLEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A release that could not be started, and when it is tried again (`next_try` None: not by itself)."""

    target: Target
    error: Mapping[str, object]
    attempts: int
    next_try: float | None
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who did what to which plugin, when, from where and why; `id` is the ledger's, 0 until it is written."""

    at: float
    by: str
    verb: str
    plugin: str | None = None
    detail: Mapping[str, object]
    origin: str = ""
    reason: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A bearer token of the host's API, as the hash of its secret; times in seconds since the epoch."""

    id: str
    name: str
    role: Role
    hash: str
    created: float
    expires: float | None = None
    used: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it is kept for clients that come back."""

    id: int
    kind: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The oldest event that is kept and the newest that ever was; `first > last` where none is kept."""

    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """All that decides what runs, in one consistent picture."""

    lists: Mapping[str, Mapping[str, Listing]]
    """Source → name → its last good listing; a source with an empty list is there."""
    etags: Mapping[str, str]
    overrides: Mapping[str, Override]
    served: Mapping[str, tuple[Target, ...]]
    """Releases proven here, newest first, at most five."""
    refused: Mapping[str, Refused]
    revoked: Mapping[str, Reasons]
    """Source → sha256 → reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """What a process that died had left open."""

    operations: tuple[Operation, ...]
    """Ended here as `interrupted`."""
    crashed: tuple[Target, ...]
    """Loading when the process died; refused, but for one more try of what has served here."""


def dump(value: object) -> str:
    """A noun, or plain values, as JSON text."""
    return json.dumps(value, separators=(",", ":"), default=_plain)


def load_listing(text: str) -> Listing:
    """The listing that was dumped."""
    raw = json.loads(text)
    return Listing(**{**raw, "name": PluginName(raw["name"]), "wheels": tuple(WheelFile(**wheel) for wheel in raw["wheels"])})


def load_target(text: str) -> Target:
    """The target that was dumped."""
    return _target(json.loads(text))


def load_override(text: str) -> Override:
    """The override that was dumped."""
    raw = json.loads(text)
    held = raw["held"]
    return Override(**{**raw, "name": PluginName(raw["name"]), "held": None if held is None else _target(held)})


def load_refused(text: str) -> Refused:
    """The refusal that was dumped."""
    raw = json.loads(text)
    return Refused(**{**raw, "target": _target(raw["target"])})


def load_operation(text: str) -> Operation:
    """The operation that was dumped."""
    raw = json.loads(text)
    return Operation(**{**raw, "steps": tuple(Step(**step) for step in raw["steps"]), "notes": tuple(raw["notes"])})


def _target(raw: Mapping[str, Any]) -> Target:
    return Target(**{**raw, "name": PluginName(raw["name"]), "wheel": WheelFile(**raw["wheel"])})


def _plain(value: object) -> object:
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
