"""What actors share, and what an operator's order comes to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from plughost.control.generation import Rooms
from plughost.control.intents import Intents
from plughost.control.operations import Operations
from plughost.ledger import Audit, Ledger
from plughost.model.intent import Override
from plughost.model.operation import Operation
from plughost.model.plugin import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What every actor stands on."""

    rooms: Rooms
    ledger: Ledger
    intents: Intents
    operations: Operations
    retain: Callable[[str, Iterable[str]], None]
    """(plugin, sha256s of wheels) → what stays on disk for it."""
    purge: Callable[[str, str | None], Awaitable[None]]
    """(plugin, project) → delete the plugin's data, and forget which bytes the project's releases had."""
    clock: Callable[[], float] = time.time


class Others(Protocol):
    """What an actor asks of all of them together."""

    def claim(self, name: str, mount: str) -> None:
        """Raise MountConflict unless the plugin may have the mount."""
        ...

    def freed(self, name: str) -> None:
        """The plugin stopped: one that was refused for what it held may try."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an operator's order comes to when its turn has come and the release is chosen."""

    override: Override | None = None
    writes: bool = True
    """Whether the override is written (None takes it away); reload and resume write none."""
    again: bool = False
    """A new generation even if the release serves already."""
    obtain: Target | None = None
    """Only put this on disk, start nothing."""
    forget: bool = False
    """The plugin is uninstalled: its history goes too."""
    purge: bool = False
    """And its data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One operation of an operator, waiting for its turn."""

    operation: Operation
    decide: Callable[[], Awaitable[Decision]]


def audited(operation: Operation, now: float) -> Audit:
    """The audit row of an operation as it is now."""
    detail: dict[str, object] = {"operation": operation.id, "version": operation.version, "state": operation.state}
    if operation.error:
        detail["code"] = operation.error["code"]
    return Audit(
        at=now,
        by=operation.by,
        verb=operation.verb,
        plugin=operation.plugin,
        detail=detail,
        origin=operation.origin,
        reason=operation.reason,
    )
