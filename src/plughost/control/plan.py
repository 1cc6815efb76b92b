"""What to do next about one plugin: a pure function of what should be (Intent) and what is (Status).

It knows no clock, no disk and no network: `now` is given, and what it answers is carried out by reconcile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from plughost.model.intent import Intent
from plughost.model.plugin import PluginName, Target

State = Literal["starting", "serving", "failed", "quarantined", "stopping", "disabled", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The generation that serves."""

    target: Target
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A release that could not be started; `next_try` in seconds since the epoch, None: not again by itself."""

    target: Target
    error: Mapping[str, object]
    attempts: int = 1
    next_try: float | None = None

    def stands(self, target: Target, now: float) -> bool:
        """Whether the target must not be started yet."""
        return self.target.same_as(target) and (self.next_try is None or self.next_try > now)


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
    """The wanted release first, then one that was tried in its stead."""
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


def plan(intent: Intent, status: Status, now: float) -> Action:
    """The one next step from what is to what should be."""
    wanted = intent.target
    if intent.state != "enabled" or wanted is None:
        return Stop() if status.serving else Keep()
    if status.serving and status.serving.target.same_as(wanted):
        return Keep()
    if not (standing := [refusal for refusal in status.refused if refusal.stands(wanted, now)]):
        return Start(wanted)
    if status.serving is None and (substitute := _substitute(wanted, status, now)):
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


def with_refusal(refused: tuple[Refusal, ...], new: Refusal, *, wanted: Target | None) -> tuple[Refusal, ...]:
    """The refusals with one more: that of the wanted release first, at most one of what was tried in its stead."""
    others = tuple(refusal for refusal in refused if not refusal.target.same_as(new.target))
    ordered = (new, *others) if wanted is None or wanted.same_as(new.target) else (*others, new)
    return ordered[:2]


def _substitute(wanted: Target, status: Status, now: float) -> Target | None:
    """The newest release that served before and may be started in place of the wanted one."""
    for served in status.served:
        if not served.same_as(wanted) and not any(refusal.stands(served, now) for refusal in status.refused):
            return served
    return None
