"""Every noun reads back from its row as it was."""

from __future__ import annotations

import json
from types import MappingProxyType

from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.ledger import Refused
from plughost.ledger.rows import dump, load_listing, load_operation, load_override, load_refused, load_target
from plughost.model.intent import Override
from plughost.model.operation import Operation, Step
from plughost.model.plugin import Listing, PluginName, Target, WheelFile

texts = st.text(max_size=20)
maybe = st.none() | texts
names = st.from_regex(r"\A[a-z][a-z0-9-]{0,10}\Z").map(PluginName)
moments = st.floats(min_value=0, max_value=1e10)
isolations = st.sampled_from(["auto", "scope", "process"])
files = st.builds(WheelFile, url=texts, filename=texts, sha256=maybe)
json_values = st.dictionaries(texts, st.recursive(st.none() | st.booleans() | st.integers() | texts, st.lists, max_leaves=5), max_size=3)
listings = st.builds(
    Listing,
    name=names,
    version=texts,
    wheels=st.lists(files, max_size=3).map(tuple),
    entry=maybe,
    project=maybe,
    mount=maybe,
    isolation=isolations,
    source=texts,
    index=maybe,
    mutable=st.booleans(),
)
targets = st.builds(
    Target,
    name=names,
    version=texts,
    wheel=files,
    entry=maybe,
    project=maybe,
    mount=texts,
    isolation=isolations,
    config=json_values.map(json.dumps),
    index=maybe,
    mutable=st.booleans(),
)
overrides = st.builds(
    Override,
    name=names,
    state=st.sampled_from(["enabled", "disabled", "absent"]),
    held=st.none() | targets,
    mount=maybe,
    isolation=st.none() | isolations,
    config=maybe,
    by=texts,
    at=moments,
    reason=texts,
)
refusals = st.builds(Refused, target=targets, error=json_values, attempts=st.integers(0, 99), next_try=st.none() | moments, at=moments)
steps = st.builds(
    Step, name=texts, started=moments, seconds=st.none() | moments, bytes=st.none() | st.integers(0), total=st.none() | st.integers(0)
)
operations = st.builds(
    Operation,
    id=texts,
    verb=st.sampled_from(["install", "upgrade", "start"]),
    plugin=names,
    version=maybe,
    by=texts,
    reason=texts,
    state=st.sampled_from(["running", "succeeded", "failed"]),
    steps=st.lists(steps, max_size=3).map(tuple),
    error=st.none() | json_values,
    notes=st.lists(texts, max_size=3).map(tuple),
    started=moments,
    ended=st.none() | moments,
    origin=texts,
)


@settings(deadline=None)
@given(listings)
def test_a_listing_reads_back(listing: Listing) -> None:
    assert load_listing(dump(listing)) == listing


@settings(deadline=None)
@given(targets)
def test_a_target_reads_back(target: Target) -> None:
    assert load_target(dump(target)) == target


@settings(deadline=None)
@given(overrides)
def test_an_override_reads_back(override: Override) -> None:
    assert load_override(dump(override)) == override


@settings(deadline=None)
@given(refusals)
def test_a_refusal_reads_back(refusal: Refused) -> None:
    assert load_refused(dump(refusal)) == refusal


@settings(deadline=None)
@given(operations)
def test_an_operation_reads_back(operation: Operation) -> None:
    found = load_operation(dump(operation))

    assert found == operation
    assert found.origin == operation.origin


def test_what_json_cannot_say_is_said_as_text() -> None:
    said = {"frozen": MappingProxyType({"a": 1}), "set": {2, 1}, "path": object}

    assert json.loads(dump(said)) == {"frozen": {"a": 1}, "set": [1, 2], "path": "<class 'object'>"}
