"""The table against a plain model: whatever is mounted, announced and taken away, in any order."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.errors import MountConflict
from plughost.model.owner import Owner
from plughost.registry import Contribution, Mounted, Table, Unavailable

PLUGINS, MOUNTS, SLOTS = ("ada", "bob", "cyd"), ("a", "b", "c"), ("icons", "menu")
numbers = iter(range(1, 1_000_000_000))


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Serves nothing."""


def _render(props: Any) -> str:
    return ""


@st.composite
def mounted(draw: st.DrawFn, plugins: tuple[str, ...] = PLUGINS) -> Mounted:
    owner = Owner(draw(st.sampled_from(plugins)), "1.0", next(numbers))
    places = draw(st.lists(st.tuples(st.sampled_from(SLOTS), st.integers(-1, 1)), max_size=4))
    contributions = tuple(
        Contribution(slot=slot, order=order, render=_render, owner=owner, position=position)
        for position, (slot, order) in enumerate(places)
    )
    return Mounted(mount=draw(st.sampled_from(MOUNTS)), owner=owner, app=_app, contributions=contributions)


@st.composite
def unavailable(draw: st.DrawFn) -> Unavailable:
    return Unavailable(
        mount=draw(st.sampled_from(MOUNTS)), plugin=draw(st.sampled_from(PLUGINS)), code="plugin-starting", detail="it is being started"
    )


entries = mounted() | unavailable()


class Model:
    """What a table should say, computed the slow way."""

    def __init__(self) -> None:
        self.entries: dict[str, Mounted | Unavailable] = {}

    def put(self, entry: Mounted | Unavailable) -> bool:
        holder = next((e for e in self.entries.values() if e.mount == entry.mount), None)
        if holder is not None and holder.plugin != entry.plugin:
            return False
        self.entries[entry.plugin] = entry
        return True

    def take(self, mount: str) -> None:
        self.entries = {plugin: entry for plugin, entry in self.entries.items() if entry.mount != mount}

    def slots(self) -> dict[str, list[tuple[Owner, int]]]:
        rows = [c for entry in self.entries.values() for c in entry.contributions]
        rows.sort(key=lambda c: (c.order, c.owner.plugin, c.position))
        return {slot: found for slot in SLOTS if (found := [(c.owner, c.position) for c in rows if c.slot == slot])}


def _assert_same(table: Table, model: Model) -> None:
    assert dict(table.mounts) == {entry.mount: entry for entry in model.entries.values()}
    assert dict(table.places) == {plugin: entry.mount for plugin, entry in model.entries.items()}
    assert {slot: [(c.owner, c.position) for c in row] for slot, row in table.slots.items()} == model.slots()


@settings(deadline=None)
@given(st.lists(entries | st.sampled_from(MOUNTS), max_size=30))
def test_a_table_says_what_was_done_to_it(steps: list[Mounted | Unavailable | str]) -> None:
    table, model = Table(), Model()
    for step in steps:
        if isinstance(step, str):
            table = table.without(step)
            model.take(step)
        elif model.put(step):
            table = table.with_(step)
        else:
            with pytest.raises(MountConflict) as conflict:
                table.with_(step)
            assert conflict.value.owner == table.mounts[step.mount].plugin
        _assert_same(table, model)


@settings(deadline=None)
@given(st.lists(entries, max_size=10), entries)
def test_a_table_never_changes(before: list[Mounted | Unavailable], entry: Mounted | Unavailable) -> None:
    table = _built(before)
    mounts, slots, places = dict(table.mounts), dict(table.slots), dict(table.places)

    with contextlib.suppress(MountConflict):
        table.with_(entry)
    for mount in MOUNTS:
        table.without(mount)

    assert (table.mounts, table.slots, table.places) == (mounts, slots, places)


@settings(deadline=None)
@given(st.lists(entries, max_size=10), mounted(plugins=("dan",)))
def test_taking_away_what_was_put_gives_the_table_as_it_was(before: list[Mounted | Unavailable], entry: Mounted) -> None:
    table = _built(before)
    if entry.mount not in table.mounts:
        assert table.with_(entry).without(entry.mount) == table


@settings(deadline=None)
@given(st.permutations([("ada", "a"), ("bob", "b"), ("cyd", "c")]))
def test_the_order_of_mounting_does_not_show(order: list[tuple[str, str]]) -> None:
    table = Table()
    for number, (plugin, mount) in enumerate(order):
        owner = Owner(plugin, "1.0", number)
        icon = Contribution(slot="icons", render=_render, owner=owner)
        table = table.with_(Mounted(mount=mount, owner=owner, app=_app, contributions=(icon,)))

    assert [c.owner.plugin for c in table.slots["icons"]] == ["ada", "bob", "cyd"]


@settings(deadline=None)
@given(mounted())
def test_a_contribution_in_the_table_visits_its_own_generation(entry: Mounted) -> None:
    table = Table().with_(entry)

    assert all(c.visits is entry.visits for row in table.slots.values() for c in row)


def _built(entries: list[Mounted | Unavailable]) -> Table:
    table = Table()
    for entry in entries:
        with contextlib.suppress(MountConflict):
            table = table.with_(entry)
    return table
