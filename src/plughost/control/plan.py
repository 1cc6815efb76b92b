"""What to do next about one plugin: a pure function of what should be (Intent) and what is (Status).

It knows no clock, no disk and no network: `now` is given, and what it answers is carried out by reconcile.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Literal

from plughost.errors import Revoked
from plughost.model.intent import Intent
from plughost.model.plugin import PluginName, Target

State = Literal["starting", "serving", "failed", "quarantined", "stopping", "disabled", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The generation that serves."""

    target: Target
    number: int
    contains: Mapping[str, str] = field(default_factory=dict)
    """The sha256 of each wheel in it → the wheel's project and version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A release that could not be started, or go on; `next_try` in seconds since the epoch, None: not again by itself."""

    target: Target
    error: Mapping[str, object]
    attempts: int = 1
    next_try: float | None = None

    def stands(self, target: Target, now: float, revoked: Container[str] = ()) -> bool:
        """Whether the target must not be started yet; what was revoked may be as soon as it is so no longer."""
        if not self.target.same_as(target):
            return False
        if self.error.get("code") == Revoked.code:
            return self.error.get("sha256") in revoked
        return self.next_try is None or self.next_try > now


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is true of one plugin; its actor replaces the whole value, everyone else reads it."""

    name: PluginName
    serving: Running | None = None
    starting: Target | None = None
    stopping: bool = False
    served: tuple[Target, ...] = ()
    """Releases that were proven here, newest first."""
    refused: tuple[Refusal, ...] = ()
    """The wanted release first, then those that were tried in its stead."""
    error: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is to be done, before `until` at least."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Start a new generation of the target; the one that serves retires when it is proven."""

    target: Target


@dataclass(frozen=True, slots=True)
class Stop:
    """Retire what serves."""


Action = Keep | Start | Stop


def plan(intent: Intent, status: Status, now: float, revoked: Container[str] = ()) -> Action:
    """The one next step from what is to what should be, where these sha256s may not run."""
    wanted = intent.target
    if intent.state != "enabled" or wanted is None:
        return Stop() if status.serving else Keep()
    if status.serving and status.serving.target.same_as(wanted):
        return Keep()
    if not (standing := [refusal for refusal in status.refused if refusal.stands(wanted, now, revoked)]):
        return Start(wanted)
    if status.serving is None and (substitute := _substitute(wanted, status, now, revoked)):
        return Start(substitute)
    return Keep(standing[0].next_try)


def state(intent: Intent, status: Status) -> State:
    """The word that the outside reads for the whole plugin (contract §4)."""
    if status.stopping:
        return "stopping"
    if status.serving:
        return "serving"
    if intent.state != "enabled":
        return "disabled" if intent.state == "disabled" else "absent"
    return "failed" if status.refused and status.starting is None else "starting"


def with_refusal(status: Status, new: Refusal, *, wanted: Target | None) -> tuple[Refusal, ...]:
    """The refusals with one more: that of the wanted release first, then those of what was tried in its stead; others matter no more."""
    tried = [target for target in (wanted, *status.served) if target is not None and not target.same_as(new.target)]
    others = tuple(refusal for refusal in status.refused if any(refusal.target.same_as(target) for target in tried))
    return tuple(sorted((new, *others), key=lambda refusal: wanted is not None and not refusal.target.same_as(wanted)))


def _substitute(wanted: Target, status: Status, now: float, revoked: Container[str]) -> Target | None:
    """The newest release that served before and may be started in place of the wanted one."""
    for served in status.served:
        if served.same_as(wanted) or served.wheel.sha256 in revoked:
            continue
        if not any(refusal.stands(served, now, revoked) for refusal in status.refused):
            return served
    return None
