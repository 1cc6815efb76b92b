"""A plugin list may say anything: what leaves the schema is right, what is wrong is told, and nothing else is ever raised."""

from __future__ import annotations

import contextlib
import json
from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version

from plughost.catalog import Answer, schema
from plughost.errors import SourceInvalid
from plughost.model.plugin import parse_entry, parse_mount, parse_name
from plughost.wheel import RESERVED
from plughost.wheel.digest import integrity
from plughost.wheel.name import parse_filename

BASE = "https://plugins.example.com/api/plugins/enabled"
KEYS = ["name", "remoteEntryUrl", "exposedModule", "version", "integrity", "isolation", "mount", "wheels", "project", "index", "other"]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=8
)
names = st.from_regex(r"\A[a-z][a-z0-9-]{0,12}\Z").filter(lambda name: name not in RESERVED)
versions = st.builds("{}.{}".format, st.integers(0, 30), st.integers(0, 30))
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@st.composite
def right(draw: st.DrawFn) -> dict[str, object]:
    """An entry as an index should write it."""
    version, sha256 = draw(versions), draw(digests)
    folder = draw(st.sampled_from(["", "/files/", "../", "https://cdn.example.com/a/", "//cdn.example.com/"]))
    entry: dict[str, object] = {"name": draw(names), "remoteEntryUrl": f"{folder}acme-{version}-py3-none-any.whl"}
    optional = {
        "exposedModule": st.sampled_from(["acme", "acme.entry", "acme.entry:plugin", "acme:Some.attribute"]),
        "version": st.just(version),
        "integrity": st.just(integrity(sha256)),
        "isolation": st.sampled_from(["auto", "scope", "process"]),
        "mount": st.sampled_from(["talk", "/talk", "talk/", "v1.2_x"]),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    return entry | {key: draw(optional[key]) for key in sorted(chosen)}


@st.composite
def odd(draw: st.DrawFn) -> object:
    """A right entry with something else in some of its keys, or something else altogether."""
    if draw(st.booleans()):
        return draw(anything)
    spoiled = draw(st.dictionaries(st.sampled_from(KEYS), anything, min_size=1, max_size=3))
    return draw(right()) | spoiled


def parse(entries: list[object]) -> Answer:
    return schema.parse_list(
        json.dumps(entries).encode(), source="s", base=BASE, index="https://plugins.example.com/simple/", hears=lambda _: True
    )


def names_of(entries: list[object]) -> list[object]:
    return [entry.get("name") if isinstance(entry, dict) else None for entry in entries]


@settings(deadline=None)
@given(st.lists(right(), max_size=6, unique_by=lambda entry: str(entry["name"])))
def test_right_entries_are_all_taken(entries: list[object]) -> None:
    answer = parse(entries)

    assert [listing.name for listing in answer.listings] == names_of(entries)
    assert answer.problems == ()


@settings(deadline=None)
@given(st.lists(right(), min_size=1, max_size=4, unique_by=lambda entry: str(entry["name"])), st.lists(odd(), max_size=4), st.data())
def test_odd_entries_do_not_hold_up_right_ones(good: list[object], bad: list[object], data: st.DataObject) -> None:
    rivals = names_of(bad)
    undisputed = {name for name in names_of(good) if name not in rivals}
    entries = data.draw(st.permutations([*good, *bad]))

    try:
        answer = parse(entries)
    except SourceInvalid:
        assert not undisputed
        return

    taken = [listing.name for listing in answer.listings]
    told = [problem.name for problem in answer.problems]
    assert undisputed <= set(taken)
    assert len({*taken, *told}) == len(taken) + len(told)


@settings(deadline=None)
@given(st.lists(odd(), max_size=4))
def test_whatever_is_taken_is_right(entries: list[object]) -> None:
    try:
        answer = parse(entries)
    except SourceInvalid:
        assert entries
        return
    for listing in answer.listings:
        assert parse_name(listing.name) == listing.name
        assert listing.entry is None or parse_entry(listing.entry) == listing.entry
        assert listing.mount is None or parse_mount(listing.mount) == listing.mount
        assert str(Version(listing.version)) == listing.version
        for wheel in listing.wheels:
            parts = urlsplit(wheel.url)
            assert parts.scheme in ("http", "https")
            assert parts.hostname
            assert "@" not in parts.netloc
            assert parts.fragment == ""
            assert Version(parse_filename(wheel.filename).version) == Version(listing.version)
            assert wheel.sha256 is None or len(wheel.sha256) == 64


@settings(deadline=None)
@given(st.lists(right(), min_size=1, max_size=4), st.data())
def test_a_name_that_comes_twice_is_never_taken(entries: list[object], data: st.DataObject) -> None:
    twice = data.draw(st.sampled_from(entries))
    several = [*entries, twice]

    try:
        answer = parse(several)
    except SourceInvalid:
        return

    repeated = {name for name in names_of(several) if names_of(several).count(name) > 1}
    assert {listing.name for listing in answer.listings}.isdisjoint(repeated)
    assert {problem.name for problem in answer.problems} == repeated


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_bytes_that_are_no_list_are_said_to_be_none(raw: bytes) -> None:
    with contextlib.suppress(SourceInvalid):
        schema.parse_list(raw, source="s", base=BASE, index=None, hears=lambda _: True)


@settings(deadline=None)
@given(st.lists(right(), max_size=6, unique_by=lambda entry: str(entry["name"])), names)
def test_a_source_is_deaf_to_the_names_it_may_not_speak_for(entries: list[object], only: str) -> None:
    raw = json.dumps(entries).encode()

    answer = schema.parse_list(raw, source="s", base=BASE, index=None, hears=lambda name: name >= only)

    assert [listing.name for listing in answer.listings] == [name for name in names_of(entries) if str(name) >= only]
