"""A bounded memory of what was made."""

from __future__ import annotations

from plugin_index.pages.kept import Kept


def test_what_was_not_asked_for_longest_goes_first() -> None:
    kept: Kept[str, str] = Kept(6, len)
    for name in "abc":
        kept.put(name, name * 2)
    assert kept.get("a") == "aa"
    kept.put("d", "dd")
    assert [kept.get(name) for name in "abcd"] == ["aa", None, "cc", "dd"]


def test_what_is_put_again_takes_its_room_once() -> None:
    kept: Kept[str, str] = Kept(4, len)
    kept.put("a", "aa")
    kept.put("a", "AA")
    kept.put("b", "bb")
    assert (kept.get("a"), kept.get("b")) == ("AA", "bb")


def test_what_is_larger_than_the_room_is_not_kept() -> None:
    kept: Kept[str, str] = Kept(4, len)
    kept.put("a", "aa")
    kept.put("b", "b" * 5)
    assert (kept.get("a"), kept.get("b")) == (None, None)
