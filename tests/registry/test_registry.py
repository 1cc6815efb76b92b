"""What the registry holds, and who may change it."""

from __future__ import annotations

from typing import Any

import pytest

from plughost.errors import MountConflict
from plughost.model.owner import Owner
from plughost.registry import Contribution, Mounted, Registry, Table, Unavailable


def generation(number: int, *, plugin: str = "chat", mount: str = "chat", slots: tuple[str, ...] = ()) -> Mounted:
    owner = Owner(plugin, f"{number}.0", number)
    icons = tuple(Contribution(slot=slot, render=lambda props: "", owner=owner) for slot in slots)
    return Mounted(mount=mount, owner=owner, app=None, contributions=icons)


def starting(plugin: str = "chat", mount: str = "chat") -> Unavailable:
    return Unavailable(mount=mount, plugin=plugin, code="plugin-starting", detail="it is being started")


def test_each_change_is_a_new_table_and_is_told() -> None:
    told: list[Table] = []
    registry = Registry(told.append)
    first = registry.table

    one = generation(1)
    registry.mount(one)
    registry.unmount(one)

    assert first.mounts == {}
    assert [dict(table.mounts) for table in told] == [{"chat": one}, {}]
    assert registry.table is told[-1]


def test_an_old_generation_takes_nothing_of_the_new_one_with_it() -> None:
    registry, old, new = Registry(), generation(1), generation(2)
    registry.mount(old)
    registry.mount(new)
    registry.unmount(old)

    assert registry.table.mounts == {"chat": new}


def test_two_releases_never_fill_a_slot_at_once() -> None:
    registry, old, new = Registry(), generation(1, slots=("icons", "menu")), generation(2, slots=("icons",))
    registry.mount(old)
    registry.mount(new)

    assert {slot: [c.owner for c in row] for slot, row in registry.table.slots.items()} == {"icons": [new.owner]}


def test_an_upgrade_that_moves_its_mount_moves_it_in_one_step() -> None:
    registry, old, new = Registry(), generation(1), generation(2, mount="talk")
    registry.mount(old)
    registry.mount(new)
    registry.unmount(old)

    assert registry.table.mounts == {"talk": new}


def test_a_mount_that_another_plugin_has_is_refused_with_its_name() -> None:
    registry, mine = Registry(), generation(1)
    registry.mount(mine)

    with pytest.raises(MountConflict) as conflict:
        registry.mount(generation(2, plugin="talk", mount="chat"))

    assert conflict.value.owner == "chat"
    assert registry.table.mounts == {"chat": mine}


def test_an_announcement_takes_no_mount_of_another_plugin() -> None:
    registry, mine = Registry(), generation(1)
    registry.mount(mine)
    registry.announce(starting("talk", "chat"))

    assert registry.table.mounts == {"chat": mine}


def test_what_is_announced_takes_the_plugins_contributions_away() -> None:
    registry = Registry()
    registry.mount(generation(1, slots=("icons",)))
    registry.announce(starting())

    assert registry.table.slots == {}


@pytest.mark.parametrize(("plugin", "left"), [("chat", 0), ("talk", 1)])
def test_a_plugin_withdraws_only_what_is_its_own(plugin: str, left: int) -> None:
    registry: Any = Registry()
    registry.announce(starting())
    registry.withdraw("chat", plugin)
    registry.withdraw("nothing", plugin)

    assert len(registry.table.mounts) == left
