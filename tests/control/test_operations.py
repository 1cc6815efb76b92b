"""Operations that run: joined, reported, waited for."""

from __future__ import annotations

import asyncio

from plughost.control.operations import Operations
from plughost.errors import PluginUnknown
from plughost.model.event import Event, OperationEnded, OperationProgress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def operations() -> tuple[Operations, list[Event], Clock]:
    told: list[Event] = []
    clock = Clock()
    return Operations(told.append, clock=clock), told, clock


def test_an_equal_request_finds_the_running_operation_and_none_once_it_has_ended() -> None:
    ours, _, _ = operations()
    operation = ours.begin("install", "chat", key="k", by="ada")
    assert ours.joinable("chat", "k") is operation

    ours.ended(operation.id)
    ours.close(operation.id)
    assert ours.joinable("chat", "k") is None


def test_what_was_asked_before_something_else_is_not_joined() -> None:
    ours, _, _ = operations()
    ours.begin("upgrade", "chat", key="1.0", by="ada")
    other = ours.begin("upgrade", "chat", key="1.1", by="ada")
    ours.begin("upgrade", "shop", key="1.0", by="ada")

    assert ours.joinable("chat", "1.0") is None
    assert ours.joinable("chat", "1.1") is other


def test_phases_are_closed_with_their_seconds_and_bytes() -> None:
    ours, _, clock = operations()
    operation = ours.begin("install", "chat", key="k", by="ada")
    clock.now = 102.0
    ours.report(operation.id, "fetch", 0, 10)
    clock.now = 105.0
    ours.report(operation.id, "fetch", 10, 10)
    ours.report(operation.id, "import")

    waiting, fetch, importing = ours.ended(operation.id).steps
    assert (waiting.name, waiting.seconds) == ("waiting", 2.0)
    assert (fetch.bytes, fetch.total, fetch.seconds) == (10, 10, 3.0)
    assert importing.seconds == 0.0


def test_progress_is_told_now_and_then_and_what_is_over_at_once_is_not() -> None:
    ours, told, clock = operations()
    operation = ours.begin("install", "chat", key="k", by="ada")
    for done in range(100):
        clock.now += 0.01
        ours.report(operation.id, "fetch", done, 100)
    ours.report(operation.id, "resolve")
    clock.now += 1
    ours.report(operation.id, "import")

    progress = [event for event in told if isinstance(event, OperationProgress)]
    assert [event.phase for event in (progress[0], progress[-1])] == ["fetch", "import"]
    assert "resolve" not in {event.phase for event in progress}
    assert 8 <= len(progress) <= 12


async def test_who_waits_hears_the_end_with_its_error() -> None:
    ours, told, _ = operations()
    operation = ours.begin("install", "chat", key="k", by="ada")
    waiting = asyncio.create_task(ours.wait(operation.id, 30))
    await asyncio.sleep(0)
    ours.ended(operation.id, PluginUnknown("chat"))
    ours.close(operation.id)

    ended = await waiting
    assert ended is not None
    assert ended.state == "failed"
    assert ended.error is not None
    assert ended.error["code"] == "plugin-unknown"
    assert isinstance(told[-1], OperationEnded)
    assert told[-1].code == "plugin-unknown"


async def test_waiting_no_time_tells_how_it_is_now() -> None:
    ours, _, _ = operations()
    operation = ours.begin("install", "chat", key="k", by="ada")
    waited = await ours.wait(operation.id, 0)
    assert waited is not None
    assert waited.state == "running"


def test_identifiers_sort_by_time() -> None:
    ours, _, clock = operations()
    identifiers = []
    for _ in range(5):
        clock.now += 1
        identifiers.append(ours.begin("install", "chat", key=str(clock.now), by="ada").id)
    assert identifiers == sorted(identifiers)
    assert [operation.id for operation in ours.running()] == identifiers[::-1]
