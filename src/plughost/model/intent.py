"""What should be: a pure function of what sources list and what operators said. It is never stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from plughost.model.plugin import Isolation, Listing, PluginName, Target, WheelFile

State = Literal["enabled", "disabled", "absent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What an operator said of one plugin; it wins over every list until the operator lets go."""

    name: PluginName
    state: State
    held: Target | None = None
    """The release the operator chose; None follows what is listed."""
    mount: str | None = None
    isolation: Isolation | None = None
    config: str | None = None
    by: str
    at: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What should be true of one plugin, and who says so."""

    name: PluginName
    state: State
    target: Target | None = None
    source: str | None = None
    by: str | None = None


def intend(
    name: PluginName,
    listed: Listing | None,
    override: Override | None,
    *,
    choose: Callable[[Listing], WheelFile],
) -> Intent:
    """The listing under the override; `choose` picks the wheel that fits this machine (the first one where none does)."""
    if override is None:
        if listed is None:
            return Intent(name=name, state="absent")
        return Intent(name=name, state="enabled", target=_target(listed, choose(listed)), source=listed.source)
    if override.state != "enabled":
        return Intent(name=name, state=override.state, by=override.by, source=listed.source if listed else None)
    if override.held is not None:
        return Intent(name=name, state="enabled", target=override.held, by=override.by)
    if listed is None:
        return Intent(name=name, state="absent", by=override.by)
    target = _target(listed, choose(listed), override)
    return Intent(name=name, state="enabled", target=target, by=override.by, source=listed.source)


def speaker(name: str, lists: Mapping[str, Mapping[str, Listing]], order: Iterable[str]) -> Listing | None:
    """The listing of the first source, in the order given, that lists the name."""
    for source in order:
        if (listing := lists.get(source, {}).get(name)) is not None:
            return listing
    return None


def _target(listed: Listing, wheel: WheelFile, override: Override | None = None) -> Target:
    return Target(
        name=listed.name,
        version=listed.version,
        wheel=wheel,
        entry=listed.entry,
        project=listed.project,
        mount=(override and override.mount) or listed.mount or listed.name,
        isolation=(override and override.isolation) or listed.isolation,
        config=(override and override.config) or "{}",
        index=listed.index,
        mutable=listed.mutable,
    )
