"""The picture of what serves: mount → entry, slot → contributions. A value; the next one is made from it and put in its place.

A plugin has one entry at most, so that an upgrade that moves its mount, and a slot that both releases fill, change in one step.
Making a new table copies dicts of pointers and finds each contribution's place by bisection.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from plughost.errors import MountConflict
from plughost.model.owner import Owner
from plughost.registry.contribution import Contribution
from plughost.registry.visits import Visits
from plughost.types import ASGIApp


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mounted:
    """One generation that serves."""

    mount: str
    """One path segment, without slashes."""
    owner: Owner
    app: ASGIApp | None
    """None: the plugin has no routes, only contributions."""
    visits: Visits = field(default_factory=Visits)
    contributions: tuple[Contribution, ...] = ()
    state: Mapping[str, object] = field(default_factory=dict)
    """What joins the state of its requests: its lifespan's, and the plugin's context."""
    openapi: Callable[[], Mapping[str, object] | None] | None = None
    """Makes its OpenAPI fragment, once, when somebody asks for it."""

    @property
    def plugin(self) -> str:
        """Whose it is."""
        return self.owner.plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """A mount that cannot serve just now, and why: answered with 503."""

    mount: str
    plugin: str
    code: str
    """One of plugin-starting, plugin-failed, plugin-quarantined, plugin-stopping, revoked."""
    detail: str
    retry_after: float = 1.0
    """Seconds."""
    app: None = field(default=None, init=False)
    contributions: tuple[Contribution, ...] = field(default=(), init=False)


Entry = Mounted | Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What serves at one moment; never changed, only replaced."""

    mounts: Mapping[str, Entry] = field(default_factory=dict)
    slots: Mapping[str, tuple[Contribution, ...]] = field(default_factory=dict)
    """In the order of rendering: order, plugin, declaration."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Plugin → its mount."""

    def with_(self, entry: Entry) -> Table:
        """The table with this entry instead of whatever its plugin had; raises MountConflict where another plugin has the mount."""
        holder = self.mounts.get(entry.mount)
        if holder is not None and holder.plugin != entry.plugin:
            raise MountConflict(entry.mount, owner=holder.plugin)
        mounts, former = self._mounts_without(entry.plugin)
        mounts[entry.mount] = entry
        return Table(
            mounts=mounts,
            slots=_changed(self.slots, gone=former, come=_bound(entry)),
            places={**self.places, entry.plugin: entry.mount},
        )

    def without(self, mount: str) -> Table:
        """The table without what is at this mount; itself where nothing is."""
        holder = self.mounts.get(mount)
        if holder is None:
            return self
        mounts, former = self._mounts_without(holder.plugin)
        places = {plugin: place for plugin, place in self.places.items() if plugin != holder.plugin}
        return Table(mounts=mounts, slots=_changed(self.slots, gone=former, come=()), places=places)

    def _mounts_without(self, plugin: str) -> tuple[dict[str, Entry], tuple[Contribution, ...]]:
        mounts = dict(self.mounts)
        place = self.places.get(plugin)
        return mounts, (mounts.pop(place).contributions if place is not None else ())


def _bound(entry: Entry) -> tuple[Contribution, ...]:
    if isinstance(entry, Unavailable):
        return ()
    return tuple(replace(contribution, visits=entry.visits) for contribution in entry.contributions)


def _changed(
    slots: Mapping[str, tuple[Contribution, ...]], *, gone: Iterable[Contribution], come: Iterable[Contribution]
) -> Mapping[str, tuple[Contribution, ...]]:
    lists: dict[str, list[Contribution]] = {}
    for contribution in gone:
        row = lists.setdefault(contribution.slot, [*slots[contribution.slot]])
        del row[bisect(row, contribution.place, key=_place) - 1]
    for contribution in come:
        row = lists.setdefault(contribution.slot, [*slots.get(contribution.slot, ())])
        row.insert(bisect(row, contribution.place, key=_place), contribution)
    kept = {slot: row for slot, row in slots.items() if slot not in lists}
    return {**kept, **{slot: tuple(row) for slot, row in lists.items() if row}}


def _place(contribution: Contribution) -> tuple[int, str, int]:
    return contribution.place
