"""What stopped generations left alive is told once, when it had its time to go."""

from __future__ import annotations

import asyncio
import gc

import pytest

from plughost.model.event import Event, LeakFound
from plughost.runtime.leaks import WATCHED, Leaks
from tests.runtime.conftest import Bench

HOLDS = """
from fastapi import APIRouter
from pydantic import BaseModel
from plughost.sdk import Plugin
class Item(BaseModel): n: int = 1
class Other: ...
router = APIRouter()
@router.get("/")
def get() -> Item: return Item()
def plugin(context):
    context.use("keep").append({})
    return Plugin(routes=router)
"""


class Hour:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hour:
    return Hour()


@pytest.fixture
def told(bench: Bench, clock: Hour) -> list[Event]:
    """What the runtime of the bench tells of leaks, by a clock that the test moves."""
    events: list[Event] = []
    bench.runtime.leaks = Leaks(events.append, patience=60, clock=clock)
    return events


async def stopped(bench: Bench, what: str, kept: list[object]) -> None:
    bench.provided["keep"] = kept
    async with bench.start(HOLDS.format(what)):
        pass


async def test_what_holds_nothing_is_never_told(bench: Bench, told: list[Event], clock: Hour) -> None:
    await stopped(bench, "1", [])
    gc.collect()
    assert await bench.runtime.leaks.tell() is False
    clock.now = 1000
    assert await bench.runtime.leaks.tell() is False
    assert told == []


async def test_what_survives_is_told_after_a_while_and_once(bench: Bench, told: list[Event], clock: Hour) -> None:
    kept: list[object] = []
    await stopped(bench, "Other", kept)
    gc.collect()
    assert await bench.runtime.leaks.tell() is True
    assert told == []
    clock.now = 61
    assert await bench.runtime.leaks.tell() is False
    assert {(event.plugin, event.version, event.generation) for event in told} == {("acme", "1.0", bench.owner.generation)}
    whats = [event.what for event in told if isinstance(event, LeakFound)]
    assert any(what.startswith("class acme.Other, held by") for what in whats)
    assert "_scope_" not in str(whats)
    assert await bench.runtime.leaks.tell() is False
    assert len(whats) == len(told)
    kept.clear()


async def test_what_goes_in_time_is_not_told(bench: Bench, told: list[Event], clock: Hour) -> None:
    kept: list[object] = []
    await stopped(bench, "router", kept)
    gc.collect()
    assert await bench.runtime.leaks.tell() is True
    kept.clear()
    gc.collect()
    clock.now = 61
    assert await bench.runtime.leaks.tell() is False
    assert told == []


async def test_a_task_that_outlives_its_generation_is_told(bench: Bench, told: list[Event], clock: Hour) -> None:
    source = """
import asyncio
async def work(event): await event.wait()
def plugin(context):
    context.use("keep").append(work)
    return {"routes": []}
"""
    kept: list[object] = []
    bench.provided["keep"] = kept
    let_go = asyncio.Event()
    async with bench.start(source):
        work = kept.pop()
        assert callable(work)
        task = asyncio.create_task(work(let_go), name="one of nobody's")
        del work
        await asyncio.sleep(0)
    gc.collect()
    assert await bench.runtime.leaks.tell() is True
    clock.now = 61
    await bench.runtime.leaks.tell()
    assert "task one of nobody's" in [event.what for event in told if isinstance(event, LeakFound)]
    let_go.set()
    await task


async def test_no_more_than_a_few_survivors_are_told_with_their_holders(bench: Bench, told: list[Event], clock: Hour) -> None:
    classes = "\n".join(f"class C{number}: ..." for number in range(50))
    source = f"{classes}\ndef plugin(context):\n    context.use('keep').append(globals())\n    return {{'routes': []}}\n"
    kept: list[object] = []
    bench.provided["keep"] = kept
    async with bench.start(source):
        pass
    gc.collect()
    clock.now = 61
    await bench.runtime.leaks.tell()
    whats = [event.what for event in told if isinstance(event, LeakFound)]
    assert len(whats) < 20
    assert any("more modules, classes and functions" in what for what in whats)
    kept.clear()


async def test_only_the_last_generations_are_watched(bench: Bench) -> None:
    kept: list[object] = []
    for _ in range(WATCHED + 2):
        await stopped(bench, "Other", kept)
    watched = [each.owner.generation for each in bench.runtime.leaks._stopped]
    assert watched == list(range(bench.owner.generation - WATCHED + 1, bench.owner.generation + 1))


async def test_a_load_that_fails_is_watched_too(bench: Bench, told: list[Event], clock: Hour) -> None:
    kept: list[object] = []
    bench.provided["keep"] = kept
    source = "class Other: ...\ndef plugin(context):\n    context.use('keep').append(Other)\n    raise ValueError\n"
    with pytest.raises(Exception, match="ValueError"):
        async with bench.start(source):
            raise AssertionError("it ran")
    gc.collect()
    clock.now = 61
    await bench.runtime.leaks.tell()
    assert any("class acme.Other" in event.what for event in told if isinstance(event, LeakFound))
    kept.clear()
