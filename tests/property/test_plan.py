"""`plan` over every combination of what should be and what is."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.control.plan import Keep, Refusal, Running, Start, Status, Stop, plan, state, with_refusal
from plughost.model.intent import Intent
from plughost.model.plugin import PluginName, Target, WheelFile

NAME = PluginName("chat")
NOW = 1000.0


def target(version: str, mount: str = "chat") -> Target:
    return Target(name=NAME, version=version, wheel=WheelFile(url="https://example.com/x", filename="x", sha256=version * 8), mount=mount)


TARGETS = st.builds(target, st.sampled_from("123"), st.sampled_from(["chat", "talk"]))
DIGESTS = st.sampled_from([version * 8 for version in "1234"])
ERRORS = st.just({"code": "import-failed"}) | st.builds(lambda sha256: {"code": "revoked", "sha256": sha256}, DIGESTS)
REFUSED = st.builds(Refusal, target=TARGETS, error=ERRORS, attempts=st.just(1), next_try=st.sampled_from([None, 999.0, 1001.0]))
REVOKED = st.frozensets(DIGESTS, max_size=3)
INTENTS = st.one_of(
    st.builds(Intent, name=st.just(NAME), state=st.sampled_from(["disabled", "absent"])),
    st.builds(Intent, name=st.just(NAME), state=st.just("enabled"), target=TARGETS),
)
STATUSES = st.builds(
    Status,
    name=st.just(NAME),
    serving=st.none() | st.builds(Running, target=TARGETS, number=st.integers(1, 99)),
    served=st.lists(TARGETS, max_size=3).map(tuple),
    refused=st.lists(REFUSED, max_size=3).map(tuple),
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


@given(INTENTS, STATUSES, REVOKED)
@settings(deadline=None)
def test_nothing_is_started_that_was_refused_for_what_is_revoked_still(intent: Intent, status: Status, revoked: frozenset[str]) -> None:
    action = plan(intent, status, NOW, revoked)
    if isinstance(action, Start):
        for refusal in status.refused:
            about = refusal.error.get("sha256")
            assert not (refusal.target.same_as(action.target) and about in revoked)


@given(INTENTS, STATUSES, REVOKED)
@settings(deadline=None)
def test_a_release_whose_own_wheel_is_revoked_serves_in_nobodys_stead(intent: Intent, status: Status, revoked: frozenset[str]) -> None:
    action = plan(intent, status, NOW, revoked)
    if isinstance(action, Start) and intent.target and not action.target.same_as(intent.target):
        assert action.target.wheel.sha256 not in revoked


@given(TARGETS, REVOKED, st.sampled_from([None, 999.0, 1001.0]))
@settings(deadline=None)
def test_a_revoked_release_is_started_again_exactly_when_it_is_revoked_no_more(
    target: Target, revoked: frozenset[str], next_try: float | None
) -> None:
    sha256 = target.wheel.sha256
    refused = Refusal(target=target, error={"code": "revoked", "sha256": sha256}, next_try=next_try)
    intent = Intent(name=NAME, state="enabled", target=target)
    action = plan(intent, Status(name=NAME, refused=(refused,)), NOW, revoked)
    assert action == (Keep(next_try) if sha256 in revoked else Start(target))


@given(STATUSES, REFUSED, st.none() | TARGETS)
@settings(deadline=None)
def test_a_refusal_is_remembered_once_with_those_that_matter_still(status: Status, new: Refusal, wanted: Target | None) -> None:
    refused = with_refusal(status, new, wanted=wanted)
    assert new in refused
    assert not any(each.target.same_as(wanted) for each in refused[1:] if wanted) or (wanted and refused[0].target.same_as(wanted))
    assert sum(each.target.same_as(new.target) for each in refused) == 1
    for each in status.refused:
        matters = any(each.target.same_as(target) for target in (*status.served, *([wanted] if wanted else [])))
        assert any(each.target.same_as(kept.target) for kept in refused) or not matters


@given(INTENTS.filter(lambda intent: intent.target is not None), st.lists(TARGETS, max_size=5).map(tuple))
@settings(deadline=None)
def test_where_nothing_can_be_started_each_release_is_tried_once(intent: Intent, served: tuple[Target, ...]) -> None:
    status, tried = Status(name=NAME, served=served), list[Target]()
    while isinstance(action := plan(intent, status, NOW), Start):
        assert not any(target.same_as(action.target) for target in tried)
        tried.append(action.target)
        refusal = Refusal(target=action.target, error={"code": "import-failed"})
        status = replace(status, refused=with_refusal(status, refusal, wanted=intent.target))
    assert intent.target
    assert status.refused[0].target.same_as(intent.target)


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
