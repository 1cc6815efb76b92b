"""The table of phases: each phase can end, and nothing leaves an end."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.errors import HostFault
from plughost.model.lifecycle import ENDED, LOADING, TRANSITIONS, Phase, Signal, advance


def reachable(start: Phase) -> set[Phase]:
    seen, todo = {start}, [start]
    while todo:
        for following in TRANSITIONS[todo.pop()].values():
            if following not in seen:
                seen.add(following)
                todo.append(following)
    return seen


@pytest.mark.parametrize("phase", [*Phase])
def test_every_phase_can_still_end(phase: Phase) -> None:
    assert reachable(phase) & ENDED


def test_every_phase_is_reached_from_the_first() -> None:
    assert reachable(Phase.OBTAINING) == {*Phase}


def test_only_what_has_drained_retires() -> None:
    assert {phase for phase in Phase for after in TRANSITIONS[phase].values() if after is Phase.RETIRED} == {Phase.STOPPING}


@given(st.lists(st.sampled_from([*Signal]), max_size=12))
@settings(deadline=None)
def test_serving_is_reached_only_by_being_proven(signals: list[Signal]) -> None:
    phase, proven = Phase.OBTAINING, False
    for signal in signals:
        if signal not in TRANSITIONS[phase]:
            with pytest.raises(HostFault):
                advance(phase, signal)
            continue
        proven = proven or signal is Signal.PROVEN
        phase = advance(phase, signal)
    assert phase is not Phase.SERVING or proven


def test_loading_phases_are_those_in_which_plugin_code_comes_up() -> None:
    assert frozenset({Phase.IMPORTING, Phase.STARTING, Phase.PROBING}) == LOADING
