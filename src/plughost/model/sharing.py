"""Who gets which copy of a library: the host's (shared), one for the process (native), or the plugin's own (private).

Pure: METADATA alone is looked at, before any code runs (scope.md "Shared"). A plugin's requirements are walked from its own wheel;
what the host shares is not walked further, for what a shared distribution requires is the host's affair. Strict ones are always the
host's. An offered one is the host's where all that this closure asks of it is satisfied, else the plugin keeps its own copy, and
that copy's requirements are walked too: so the walk is repeated until no further copy is kept. Extension modules cannot stand in a
process twice, hence a distribution that has some, and all it requires, exists once under its natural name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, canonicalize_version

from plughost.errors import NativeConflict, ResolutionFailed, SharedConflict, SharedExtraMissing
from plughost.model.artifact import Site, StoredWheel

ShareKind = Literal["strict", "offered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDistribution:
    """A distribution of the host's environment that scopes may use."""

    project: str
    """Normalised."""
    version: str
    kind: ShareKind
    tops: frozenset[str]
    """The names it is imported by; dotted ones (`plughost.sdk`) where it is only a part of a package."""
    requires: tuple[str, ...] = ()
    extras: frozenset[str] = frozenset()
    """What it provides (Provides-Extra)."""


HostShare = Mapping[str, SharedDistribution]
"""By normalised project name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where one distribution of a plugin's closure comes from, and why."""

    project: str
    version: str
    kind: Literal["shared", "native", "private"]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The decision for one site: what its scope sees."""

    placements: tuple[Placement, ...]
    shared_tops: frozenset[str]
    """Names that are the host's objects, with all that is below them."""
    native: Mapping[str, Path]
    """Top-level name → directory of the store, loaded once for the process under its natural name."""
    private: tuple[Path, ...]
    """Directories of the scope, the plugin's own first."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One distribution's requirement of another."""

    who: str
    requirement: Requirement

    def fits(self, version: str) -> bool:
        """Whether the version is one it accepts; pre-releases count, for somebody chose them."""
        return self.requirement.specifier.contains(version, prereleases=True)

    def __str__(self) -> str:
        return f"{self.who} requires {self.requirement}"


@dataclass(frozen=True, slots=True)
class _Walk:
    """What one walk over a closure found."""

    asks: dict[str, list[Ask]] = field(default_factory=dict)
    """By the project that is asked for."""
    reached: list[str] = field(default_factory=list)
    """The closure's own projects, in the order they were reached."""


def negotiate(site: Site, share: HostShare, natives: Mapping[str, str]) -> Sharing:
    """Where each distribution of the site's closure comes from.

    `natives`: what stands in this process under natural names already, project → version.
    Raises SharedConflict, SharedExtraMissing, NativeConflict, and ResolutionFailed where the site lacks something.
    """
    wheels = {wheel.project: wheel for wheel in site.wheels}
    share = _of_others(share, site.own.project)
    walk, offered = _settle({project: wheel.requires for project, wheel in wheels.items()}, site.own.project, share)
    visible = {project: shared for project, shared in share.items() if shared.kind == "strict" or project in offered}
    for project, asks in walk.asks.items():
        if project in visible:
            _demand_shared(visible[project], asks, share, natives)
        else:
            _demand_own(site.own, project, asks, wheels)
    natural = {p: _native(wheels[p], why, walk.asks.get(p, ()), natives) for p, why in _natural(walk, wheels).items()}
    private = [wheels[project] for project in walk.reached if project not in natural]
    shared = [_shared(one, walk.asks.get(project, ())) for project, one in visible.items()]
    return Sharing(
        placements=(*shared, *natural.values(), *(_private(wheel, share) for wheel in private)),
        shared_tops=frozenset().union(*(one.tops for one in visible.values())),
        native={top: wheels[project].path for project in natural for top in wheels[project].tops},
        private=tuple(wheel.path for wheel in private),
    )


def offered_instead(closure: Mapping[str, Sequence[str]], root: str, share: HostShare) -> frozenset[str]:
    """The projects of a resolved closure that need not be obtained: the host's copy stands in, or only such a one needed them.

    `closure`: normalised project → its Requires-Dist, the plugin's own project (`root`) among them.
    """
    walk, _ = _settle(closure, root, _of_others(share, root))
    return frozenset(closure) - set(walk.reached)


def _of_others(share: HostShare, own: str) -> HostShare:
    """What is shared but for the plugin's own project: its release is what was asked to run."""
    return {project: shared for project, shared in share.items() if project != own}


def _settle(closure: Mapping[str, Sequence[str]], root: str, share: HostShare) -> tuple[_Walk, frozenset[str]]:
    """The walk after which every offered distribution is either the host's and fits, or the closure's own; and the former."""
    kept = set[str]()
    while True:
        walk = _walked(closure, root, frozenset(share) - kept)
        offered = {project for project in walk.asks if project in share and share[project].kind == "offered"} - kept
        unfit = {project for project in offered if project in closure and not _suits(share[project], walk.asks[project], share)}
        if not unfit:
            return walk, frozenset(offered)
        kept |= unfit


def _walked(closure: Mapping[str, Sequence[str]], root: str, ends: frozenset[str]) -> _Walk:
    """What is asked of whom from the root on, without going into `ends`; extras are followed as they are asked for."""
    walk, seen = _Walk(), set[tuple[str, frozenset[str]]]()
    todo: list[tuple[str, frozenset[str]]] = [(root, frozenset())]
    while todo:
        node = project, extras = todo.pop(0)
        if node in seen or project in ends or project not in closure:
            continue
        seen.add(node)
        if project not in walk.reached:
            walk.reached.append(project)
        for requirement in applying(tuple(closure[project]), extras):
            wanted, ask = canonicalize_name(requirement.name), Ask(project, requirement)
            if ask not in walk.asks.setdefault(wanted, []):
                walk.asks[wanted].append(ask)
            todo.append((wanted, frozenset(requirement.extras)))
    return walk


@lru_cache(maxsize=1024)
def applying(requires: tuple[str, ...], extras: frozenset[str]) -> tuple[Requirement, ...]:
    """The requirements that hold on this interpreter with these extras."""
    parsed = map(Requirement, requires)
    return tuple(r for r in parsed if r.marker is None or any(r.marker.evaluate({"extra": extra}) for extra in extras | {""}))


def same_version(one: str, other: str) -> bool:
    """Whether both texts name one version (1.0 and 1.0.0 do)."""
    return canonicalize_version(one) == canonicalize_version(other)


def _suits(shared: SharedDistribution, asks: Iterable[Ask], share: HostShare) -> bool:
    return all(ask.fits(shared.version) and not _lacking(shared, ask, share, {}) for ask in asks)


def _demand_shared(shared: SharedDistribution, asks: Sequence[Ask], share: HostShare, present: Mapping[str, str]) -> None:
    if unfit := [str(ask) for ask in asks if not ask.fits(shared.version)]:
        raise SharedConflict(shared.project, present=shared.version, wanted=unfit)
    for ask in asks:
        if lacking := _lacking(shared, ask, share, present):
            raise SharedExtraMissing(str(ask.requirement), missing=lacking)


def _lacking(shared: SharedDistribution, ask: Ask, share: HostShare, present: Mapping[str, str]) -> list[str]:
    """What the extras that are asked for would bring, with the extras these ask for in turn, and the host does not have."""
    lacking, seen = list[str](), set[tuple[str, frozenset[str]]]()
    todo = [(shared.project, frozenset(ask.requirement.extras))]
    while todo:
        node = project, extras = todo.pop(0)
        if node in seen or project not in share:
            continue
        seen.add(node)
        lacking += [f"extra {extra!r} of {project}" for extra in _unknown(share[project], extras)]
        for requirement in _brought(share[project], extras):
            lacking += [] if _has(requirement, share, present) else [str(requirement).partition(";")[0].strip()]
            todo.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return lacking


def _unknown(shared: SharedDistribution, extras: frozenset[str]) -> list[str]:
    return sorted(set(map(canonicalize_name, extras)) - set(map(canonicalize_name, shared.extras)))


def _brought(shared: SharedDistribution, extras: frozenset[str]) -> list[Requirement]:
    """What the extras add to what it requires anyway."""
    anyway = applying(shared.requires, frozenset())
    return [requirement for requirement in applying(shared.requires, extras) if requirement not in anyway]


def _has(requirement: Requirement, share: HostShare, present: Mapping[str, str]) -> bool:
    project = canonicalize_name(requirement.name)
    version = share[project].version if project in share else present.get(project)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _demand_own(own: StoredWheel, project: str, asks: Sequence[Ask], wheels: Mapping[str, StoredWheel]) -> None:
    wheel = wheels.get(project)
    if unfit := [str(ask) for ask in asks if wheel is None or not ask.fits(wheel.version)]:
        here = f"the site has {project} {wheel.version}" if wheel else f"{project} is neither in the site nor shared by the host"
        raise ResolutionFailed(f"{own.project} {own.version}", f"{'; '.join(unfit)}, but {here}")


def _natural(walk: _Walk, wheels: Mapping[str, StoredWheel]) -> Mapping[str, str]:
    """Projects that need a natural name, with the reason: those with extension modules, and what they require."""
    why = {project: "has extension modules" for project in walk.reached if wheels[project].native}
    todo = list(why)
    while todo:
        asker = todo.pop()
        for project in walk.reached:
            if project not in why and any(ask.who == asker for ask in walk.asks.get(project, ())):
                why[project] = f"required by {asker}, which stands under its natural name"
                todo.append(project)
    return why


def _native(wheel: StoredWheel, why: str, asks: Sequence[Ask], natives: Mapping[str, str]) -> Placement:
    """The version that stands already where it does for everyone, else the wheel's; raises NativeConflict."""
    loaded = natives.get(wheel.project, wheel.version)
    if not same_version(loaded, wheel.version) and not (asks and all(ask.fits(loaded) for ask in asks)):
        raise NativeConflict(wheel.project, wanted="; ".join(map(str, asks)) or wheel.version, loaded=loaded)
    return Placement(project=wheel.project, version=loaded, kind="native", why=why)


def _shared(shared: SharedDistribution, asks: Sequence[Ask]) -> Placement:
    by_whom = "always the host's" if shared.kind == "strict" else "offered by the host"
    asked = f"satisfies {'; '.join(map(str, asks))}" if asks else "not asked for"
    return Placement(project=shared.project, version=shared.version, kind="shared", why=f"{by_whom}; {asked}")


def _private(wheel: StoredWheel, share: HostShare) -> Placement:
    offered = share.get(wheel.project)
    why = f"the host offers {offered.version}, which does not satisfy all that is asked of it here" if offered else "not shared by the host"
    return Placement(project=wheel.project, version=wheel.version, kind="private", why=why)
