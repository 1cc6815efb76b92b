"""`importlib.metadata` as a scope sees it: the distributions of its site, and those that are shared with it."""

from __future__ import annotations

import copy
import importlib.metadata
from collections.abc import Iterable, Iterator
from functools import reduce
from importlib.metadata import Distribution, DistributionFinder, EntryPoint, EntryPoints, MetadataPathFinder, PackageNotFoundError
from types import ModuleType
from typing import Any

from packaging.utils import canonicalize_name

from plughost.scope import natives
from plughost.scope.facades.view import view
from plughost.scope.interior import Interior


def see_metadata(interior: Interior) -> ModuleType:
    """The view of `importlib.metadata`."""
    seen = _Distributions(interior)

    def entry_points(**which: Any) -> Any:
        points = EntryPoints(point for one in seen.unique() for point in one.entry_points)
        grouped = getattr(importlib.metadata, "SelectableGroups", None)  # Python 3.11 gives groups where nothing is selected
        return grouped.load(points).select(**which) if grouped else points.select(**which)

    def packages_distributions() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for one in seen.unique():
            for top in _tops(one):
                found.setdefault(top, []).append(one.metadata["Name"])
        return found

    return view(
        importlib.metadata,
        interior,
        Distribution=seen.type_of_distribution(),
        EntryPoint=seen.entry_point,
        distribution=seen.named,
        distributions=seen.discover,
        entry_points=entry_points,
        packages_distributions=packages_distributions,
        version=lambda name: seen.named(name).version,
        metadata=lambda name: seen.named(name).metadata,
        requires=lambda name: seen.named(name).requires,
        files=lambda name: seen.named(name).files,
    )


class _Distributions:
    """What one scope sees as installed."""

    def __init__(self, interior: Interior) -> None:
        self._interior = interior
        places = interior.sharing.placements
        self._shared = frozenset(place.project for place in places if place.kind != "private")
        self._natives = natives.directories(frozenset(place.project for place in places if place.kind == "native"))
        self.entry_point = _entry_point_type(interior)
        self._types: dict[type[Distribution], type[Distribution]] = {}

    def named(self, name: str) -> Distribution:
        """The distribution of that name; PackageNotFoundError where the scope sees none."""
        if not name:
            raise ValueError("A distribution name is required.")
        plain = self._interior.names.natural(name)
        for found in self._found(name=plain):
            return found
        if canonicalize_name(plain) in self._shared:
            return self._dressed(importlib.metadata.distribution(plain))
        raise PackageNotFoundError(plain)

    def discover(self, **which: Any) -> Iterable[Distribution]:
        """As `importlib.metadata.distributions`."""
        if "context" in which or "path" in which:
            return map(self._dressed, Distribution.discover(**which))
        if which.get("name"):
            return self._if_there(which["name"])
        return self._all()

    def unique(self) -> Iterator[Distribution]:
        """Every distribution once, the first one of a name."""
        seen = set[str]()
        for one in self._all():
            name = canonicalize_name(one.metadata["Name"] or "")
            if name not in seen:
                seen.add(name)
                yield one

    def type_of_distribution(self) -> type[Distribution]:
        """`Distribution`, whose look-ups are this scope's."""
        named, discover = self.named, self.discover
        members = {"from_name": staticmethod(named), "discover": staticmethod(discover)}
        return type("Distribution", (Distribution,), {**members, "__module__": Distribution.__module__})

    def _all(self) -> Iterator[Distribution]:
        yield from self._found()
        for project in sorted(self._shared):
            yield from self._if_there(project)

    def _if_there(self, name: str) -> Iterator[Distribution]:
        try:
            yield self.named(name)
        except PackageNotFoundError:
            return

    def _found(self, **which: str) -> Iterator[Distribution]:
        context = DistributionFinder.Context(path=[*self._interior.path, *self._natives], **which)
        return map(self._dressed, MetadataPathFinder.find_distributions(context))

    def _dressed(self, found: Distribution) -> Distribution:
        """The distribution with entry points that load in the scope."""
        plain, dressed = type(found), copy.copy(found)
        if plain not in self._types:
            self._types[plain] = _dressed_type(plain, self.entry_point)
        dressed.__class__ = self._types[plain]
        return dressed


def _dressed_type(plain: type[Distribution], entry_point: type[EntryPoint]) -> type[Distribution]:
    def entry_points(self: Distribution) -> EntryPoints:
        points = plain.entry_points.fget(self)  # type: ignore[attr-defined] # a property, which typeshed does not say
        return EntryPoints(entry_point(one.name, one.value, one.group)._for(self) for one in points)  # type: ignore[attr-defined] # noqa: SLF001

    return type(plain.__name__, (plain,), {"entry_points": property(entry_points), "__module__": plain.__module__})


def _entry_point_type(interior: Interior) -> type[EntryPoint]:
    def load(self: EntryPoint) -> Any:
        module = interior.import_module(self.module)
        return reduce(getattr, filter(None, self.attr.split(".")), module)

    return type("EntryPoint", (EntryPoint,), {"load": load, "__module__": EntryPoint.__module__})


def _tops(one: Distribution) -> set[str]:
    if listed := one.read_text("top_level.txt"):
        return set(listed.split())
    return {path.parts[0].partition(".")[0] for path in one.files or () if path.suffix in {".py", ".so", ".pyd"}}
