"""Is a closure whole? What its METADATA requires must be in it or shared by the host, in a version that fits.

Looked at after every resolution, since resolvers can be configured to leave things out and say nothing (`no-deps`).
What an extra of a shared distribution needs in the host is `model.sharing.negotiate`'s question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from plughost.errors import ArtifactError, ResolutionFailed, SharedConflict
from plughost.model.artifact import StoredWheel
from plughost.model.sharing import HostShare, applying


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One requirement of one wheel of the closure, and what answers it."""

    asker: str
    requirement: Requirement
    project: str
    """Whom it asks, normalised."""
    shared: bool
    version: str | None
    """What is here; None where nothing is."""

    @property
    def met(self) -> bool:
        """Whether what is here fits; pre-releases count, for somebody chose them."""
        return self.version is not None and self.requirement.specifier.contains(self.version, prereleases=True)

    def __str__(self) -> str:
        return f"{self.asker} requires {self.requirement}"


def asks(own: StoredWheel, others: Iterable[StoredWheel], share: HostShare) -> tuple[Ask, ...]:
    """All that the plugin's wheel requires, and what that requires, on this interpreter; into shared ones nobody looks."""
    wheels = {wheel.project: wheel for wheel in (own, *others)}
    found: list[Ask] = []
    todo, seen = [(own.project, frozenset[str]())], set[tuple[str, frozenset[str]]]()
    while todo:
        node = asker, extras = todo.pop()
        if node in seen:
            continue
        seen.add(node)
        for requirement in applying(wheels[asker].requires, extras):
            ask = _answered(asker, requirement, wheels, share)
            found.append(ask)
            if ask.version is not None and not ask.shared:
                todo.append((ask.project, frozenset(requirement.extras)))
    return tuple(found)


def refusal(release: str, closure: Iterable[Ask], share: HostShare) -> ArtifactError | None:
    """Why the closure cannot run beside this host; None where it can."""
    unmet = [ask for ask in closure if not ask.met]
    strict = [ask for ask in unmet if ask.shared and share[ask.project].kind == "strict"]
    if strict:
        project = strict[0].project
        wanted = [str(ask) for ask in strict if ask.project == project]
        return SharedConflict(project, present=share[project].version, wanted=wanted)
    if unmet:
        return ResolutionFailed(release, "; ".join(f"{ask}, here is {ask.version or 'none'}" for ask in unmet))
    return None


def needs_only_the_host(release: str, own: StoredWheel, share: HostShare) -> bool:
    """Whether all that a plugin's wheel requires is shared by this host; raises SharedConflict where nothing else could satisfy it."""
    closure = asks(own, (), share)
    error = refusal(release, closure, share)
    if isinstance(error, SharedConflict):
        raise error
    # Whether the host has what an extra of an offered one brings is decided beside the plugin's own copy of it.
    return error is None and not any(ask.requirement.extras and share[ask.project].kind == "offered" for ask in closure)


def _answered(asker: str, requirement: Requirement, wheels: Mapping[str, StoredWheel], share: HostShare) -> Ask:
    project = canonicalize_name(requirement.name)
    offer = share.get(project)
    # A private copy goes before an offer, and never before a strict one.
    shared = offer is not None and (offer.kind == "strict" or project not in wheels)
    version = offer.version if offer is not None and shared else wheels[project].version if project in wheels else None
    return Ask(asker=asker, requirement=requirement, project=project, shared=shared, version=version)
