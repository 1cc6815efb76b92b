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
    for project, asks in walk.asks.items():
        if project in share and (share[project].kind == "strict" or project in offered):
            _demand_shared(share[project], asks, share, natives)
        else:
            _demand_own(site.own, project, asks, wheels)
    natural = _natural(walk, wheels)
    for project in natural:
        _demand_native(wheels[project], walk.asks.get(project, ()), natives)
    versions = {project: natives.get(project, wheels[project].version) for project in natural}
    return _sharing(walk, wheels, share, offered, natural, versions)


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
    kept: set[str] = set()
    while True:
        walk = _walked(closure, root, {project for project in share if project not in kept})
        unfit = {p for p, asks in walk.asks.items() if p in share and p in closure and not _suits(share[p], asks, share)}
        unfit = {project for project in unfit if share[project].kind == "offered"} - kept
        if not unfit:
            return walk, frozenset(p for p in walk.asks if p in share and share[p].kind == "offered" and p not in kept)
        kept |= unfit


def _walked(closure: Mapping[str, Sequence[str]], root: str, ends: set[str]) -> _Walk:
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
    """What an extra that is asked for would bring and the host does not have."""
    extras = frozenset(map(canonicalize_name, ask.requirement.extras))
    provided = {canonicalize_name(extra) for extra in shared.extras}
    unknown = [f"extra {extra!r}" for extra in sorted(extras - provided)]
    anyway = applying(shared.requires, frozenset())
    brought = [requirement for requirement in applying(shared.requires, extras) if requirement not in anyway]
    return unknown + [str(r).partition(";")[0].strip() for r in brought if not _has(r, share, present)]


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
        for project, asks in walk.asks.items():
            if project in wheels and project in walk.reached and project not in why and any(ask.who == asker for ask in asks):
                why[project] = f"required by {asker}, which stands under its natural name"
                todo.append(project)
    return why


def _demand_native(wheel: StoredWheel, asks: Sequence[Ask], natives: Mapping[str, str]) -> None:
    loaded = natives.get(wheel.project, wheel.version)
    if not same_version(loaded, wheel.version) and not (asks and all(ask.fits(loaded) for ask in asks)):
        raise NativeConflict(wheel.project, wanted="; ".join(map(str, asks)) or wheel.version, loaded=loaded)


def _sharing(
    walk: _Walk,
    wheels: Mapping[str, StoredWheel],
    share: HostShare,
    offered: frozenset[str],
    natural: Mapping[str, str],
    versions: Mapping[str, str],
) -> Sharing:
    visible = {project: shared for project, shared in share.items() if shared.kind == "strict" or project in offered}
    private = [wheels[project] for project in walk.reached if project not in natural]
    return Sharing(
        placements=(
            *(Placement(project=p, version=s.version, kind="shared", why=_why(s, walk.asks.get(p, ()))) for p, s in visible.items()),
            *(Placement(project=p, version=versions[p], kind="native", why=why) for p, why in natural.items()),
            *(Placement(project=w.project, version=w.version, kind="private", why=_why_private(w, share)) for w in private),
        ),
        shared_tops=frozenset().union(*(shared.tops for shared in visible.values())),
        native={top: wheels[project].path for project in natural for top in wheels[project].tops},
        private=tuple(wheel.path for wheel in private),
    )


def _why(shared: SharedDistribution, asks: Sequence[Ask]) -> str:
    asked = f"satisfies {'; '.join(map(str, asks))}" if asks else "not asked for"
    return f"always the host's; {asked}" if shared.kind == "strict" else f"offered by the host; {asked}"


def _why_private(wheel: StoredWheel, share: HostShare) -> str:
    if wheel.project in share:
        return f"the host offers {share[wheel.project].version}, which does not satisfy all that is asked of it here"
    return "not shared by the host"
