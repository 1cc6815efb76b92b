"""`plan` over every combination of what should be and what is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.control.plan import Keep, Refusal, Running, Start, Status, Stop, plan, state
from plughost.model.intent import Intent
from plughost.model.plugin import PluginName, Target, WheelFile

NAME = PluginName("chat")
NOW = 1000.0


def target(version: str, mount: str = "chat") -> Target:
    return Target(name=NAME, version=version, wheel=WheelFile(url="https://example.com/x", filename="x", sha256=version * 8), mount=mount)


TARGETS = st.builds(target, st.sampled_from("123"), st.sampled_from(["chat", "talk"]))
REFUSALS = st.builds(
    Refusal, target=TARGETS, error=st.just({"code": "import-failed"}), attempts=st.just(1), next_try=st.sampled_from([None, 999.0, 1001.0])
)
INTENTS = st.one_of(
    st.builds(Intent, name=st.just(NAME), state=st.sampled_from(["disabled", "absent"])),
    st.builds(Intent, name=st.just(NAME), state=st.just("enabled"), target=TARGETS),
)
STATUSES = st.builds(
    Status,
    name=st.just(NAME),
    serving=st.none() | st.builds(Running, target=TARGETS, number=st.integers(1, 99)),
    served=st.lists(TARGETS, max_size=3).map(tuple),
    refused=st.lists(REFUSALS, max_size=2).map(tuple),
)


def carried_out(action: object, intent: Intent, status: Status) -> Status:
    """What is after the step went well."""
    match action:
        case Start(chosen):
            return replace(status, serving=Running(target=chosen, number=1), refused=())
        case Stop():
            return replace(status, serving=None)
    return status


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_what_is_not_wanted_is_stopped_and_what_runs_as_wanted_is_left_alone(intent: Intent, status: Status) -> None:
    action = plan(intent, status, NOW)
    if intent.state != "enabled":
        assert action == (Stop() if status.serving else Keep())
    elif status.serving and intent.target and status.serving.target.same_as(intent.target):
        assert action == Keep()


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_a_refused_release_is_never_started_before_its_time(intent: Intent, status: Status) -> None:
    action = plan(intent, status, NOW)
    if isinstance(action, Start):
        assert not any(refusal.stands(action.target, NOW) for refusal in status.refused)


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_another_release_than_the_wanted_one_is_started_only_where_nothing_serves(intent: Intent, status: Status) -> None:
    action = plan(intent, status, NOW)
    if isinstance(action, Start) and intent.target and not action.target.same_as(intent.target):
        assert status.serving is None
        assert action.target in status.served


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_after_two_good_steps_nothing_is_left_to_do(intent: Intent, status: Status) -> None:
    for _ in range(2):
        status = carried_out(plan(intent, status, NOW), intent, status)
    assert isinstance(plan(intent, status, NOW), Keep)


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_keep_with_a_time_is_the_time_of_the_wanted_release(intent: Intent, status: Status) -> None:
    match plan(intent, status, NOW):
        case Keep(until) if until is not None:
            assert until > NOW
            assert intent.target is not None
            assert any(refusal.next_try == until and refusal.target.same_as(intent.target) for refusal in status.refused)


@given(INTENTS, STATUSES)
@settings(deadline=None)
def test_the_state_is_serving_exactly_while_something_serves(intent: Intent, status: Status) -> None:
    assert (state(intent, status) == "serving") == (status.serving is not None)
