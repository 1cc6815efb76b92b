"""What an author declares is what stands in the declaration, and importing the sdk costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

import plughost.sdk
from plughost.sdk import Html, Plugin, SlotContribution


def test_a_plugin_may_say_nothing() -> None:
    plugin = Plugin()
    assert (plugin.routes, plugin.settings, plugin.title) == (None, None, None)
    assert [plugin.lifespans, plugin.probes, plugin.contributions] == [[], [], []]
    assert (plugin.provided, plugin.required) == ({}, {})


def test_decorators_give_back_what_they_are_given_and_keep_the_order() -> None:
    plugin = Plugin(title="Chat")

    @plugin.slot("icons", order=10)
    async def icon(user: str) -> Html:
        return Html("<b>{}</b>").format(user)

    @plugin.slot("icons")
    @plugin.slot("menu", order=-1)
    def line() -> str:
        return "line"

    assert plugin.contributions == [
        SlotContribution("icons", 10, icon),
        SlotContribution("menu", -1, line),
        SlotContribution("icons", 0, line),
    ]
    assert line() == "line"
    assert repr(plugin) == "<Plugin Chat: 3 contributions>"


def test_lifespans_and_probes_by_argument_come_before_those_by_decorator() -> None:
    async def first(context: Any) -> Any:
        yield

    async def ask() -> None: ...

    plugin = Plugin(lifespan=first, probe=ask)

    @plugin.lifespan
    async def second(context: Any) -> Any:
        yield

    @plugin.probe
    async def ask_again() -> None: ...

    assert plugin.lifespans == [first, second]
    assert plugin.probes == [ask, ask_again]


def test_what_it_provides_and_requires() -> None:
    plugin, rooms = Plugin(), object()
    plugin.provides("rooms", rooms)
    plugin.requires("users", ">=1,<2")
    plugin.requires("mail")
    assert plugin.provided == {"rooms": rooms}
    assert plugin.required == {"users": ">=1,<2", "mail": ""}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda plugin: plugin.slot(lambda: ""), 'needs the name of the slot: @plugin.slot("profile-icons")'),
        (lambda plugin: plugin.slot(""), "needs the name of the slot"),
        (lambda plugin: plugin.slot("icons", order="10"), "the order of a contribution to 'icons' is a whole number, not '10'"),
        (lambda plugin: plugin.slot("icons")("<b>"), "what fills 'icons' is a function that returns it, not '<b>'"),
        (lambda plugin: plugin.slot("icons", 3), "positional argument"),
        (lambda plugin: type(plugin)(None, lambda: None), "positional argument"),
    ],
)
def test_a_wrong_declaration_says_what_is_right(wrong: Any, says: str) -> None:
    with pytest.raises(TypeError) as told:
        wrong(Plugin())
    assert says in str(told.value)


def test_importing_it_loads_the_standard_library_alone() -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; before = {*sys.modules}; import plughost.sdk; import json; print(json.dumps([*{*sys.modules} - before]))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(told.stdout)
    assert {name.partition(".")[0] for name in loaded} <= {*sys.stdlib_module_names, "plughost"}
    assert {name for name in loaded if name.startswith("plughost")} == {
        "plughost", "plughost.sdk", "plughost.sdk.context", "plughost.sdk.markup", "plughost.sdk.plugin",
    }  # fmt: skip


def test_its_names_are_all_there_and_sorted() -> None:
    assert plughost.sdk.__all__ == sorted(plughost.sdk.__all__)
    assert all(hasattr(plughost.sdk, name) for name in plughost.sdk.__all__)
