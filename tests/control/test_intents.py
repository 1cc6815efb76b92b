"""What sources list, under what operators said, and who may have a mount."""

from __future__ import annotations

import pytest

from plughost.control.intents import Intents
from plughost.errors import MountConflict
from plughost.model.intent import Override
from plughost.model.plugin import Listing, PluginName, Target, WheelFile

A, B = "https://a.example.com", "https://b.example.com"


def listing(name: str, version: str, source: str = A, *, mount: str | None = None) -> Listing:
    file = WheelFile(url=f"{source}/{name}-{version}.whl", filename=f"{name}-{version}-py3-none-any.whl", sha256="0" * 64)
    return Listing(name=PluginName(name), version=version, wheels=(file,), source=source, mount=mount)


def intents(*listings: Listing, owns: frozenset[str] = frozenset()) -> Intents:
    made = Intents([A, B], choose=lambda listing: listing.wheels[0], core_owns=owns.__contains__)
    for source in (A, B):
        made.put_list(source, {each.name: each for each in listings if each.source == source})
    return made


def override(name: str, state: str, held: Target | None = None) -> Override:
    return Override(name=PluginName(name), state=state, held=held, by="ada", at=0.0)  # type: ignore[arg-type]


def test_the_first_source_that_lists_a_name_speaks_and_the_other_is_an_echo() -> None:
    both = intents(listing("chat", "1.0", A), listing("chat", "2.0", B))

    target = both.intent("chat").target
    assert target is not None
    assert target.version == "1.0"
    assert both.echoes() == {B: {"chat": A}}


def test_an_override_wins_over_the_list_until_it_is_let_go() -> None:
    ours = intents(listing("chat", "1.0"))
    ours.put_override("chat", override("chat", "disabled"))
    assert ours.intent("chat").state == "disabled"

    ours.put_override("chat", None)
    assert ours.intent("chat").state == "enabled"


def test_an_enabling_override_that_holds_no_release_follows_the_list() -> None:
    ours = intents(listing("chat", "1.0"))
    ours.put_override("chat", override("chat", "enabled"))
    ours.put_list(A, {"chat": listing("chat", "1.1")})

    target = ours.intent("chat").target
    assert target is not None
    assert target.version == "1.1"


def test_put_list_answers_exactly_the_names_that_changed() -> None:
    ours = intents(listing("chat", "1.0"), listing("talk", "1.0"))

    changed = ours.put_list(A, {"chat": listing("chat", "1.1"), "talk": listing("talk", "1.0"), "new": listing("new", "1")})

    assert changed == {"chat", "new"}


def test_a_source_that_is_gone_lists_nothing_any_more() -> None:
    ours = intents(listing("chat", "1.0"))
    assert ours.put_list(A, None) == {"chat"}
    assert ours.intent("chat").state == "absent"


def free(_: str) -> bool:
    return False


def test_a_mount_that_is_taken_is_refused_with_its_owner() -> None:
    with pytest.raises(MountConflict, match="belongs to talk"):
        intents(listing("chat", "1.0")).claim("chat", "chat", taken={"chat": "talk"}, had=free)


def test_a_mount_that_the_embedding_application_routes_is_refused() -> None:
    with pytest.raises(MountConflict, match="embedding application"):
        intents(listing("chat", "1.0"), owns=frozenset({"chat"})).claim("chat", "chat", taken={}, had=free)


def test_a_free_mount_goes_to_overrides_first_then_by_source_then_by_name() -> None:
    ours = intents(listing("b", "1", A, mount="x"), listing("a", "1", B, mount="x"))
    ours.claim("b", "x", taken={}, had=free)
    with pytest.raises(MountConflict, match="belongs to b"):
        ours.claim("a", "x", taken={}, had=free)

    ours.put_override("a", override("a", "enabled"))
    ours.claim("a", "x", taken={}, had=free)
    with pytest.raises(MountConflict, match="belongs to a"):
        ours.claim("b", "x", taken={}, had=free)


def test_who_served_under_a_mount_last_keeps_it() -> None:
    ours = intents(listing("b", "1", A, mount="x"), listing("a", "1", B, mount="x"))
    ours.claim("a", "x", taken={}, had="a".__eq__)
    with pytest.raises(MountConflict, match="belongs to a"):
        ours.claim("b", "x", taken={}, had="a".__eq__)
