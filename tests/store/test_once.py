"""Law 6: single flight, true answers, no memory of failures, nobody's cancellation but their own."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextvars import ContextVar
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.errors import HostStopping
from plughost.store.once import Once, Report

DEADLINE = 60


class Work:
    """A job that waits until it is told how to end."""

    def __init__(self) -> None:
        self.runs = 0
        self.started = asyncio.Event()
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, report: Report) -> str:
        self.runs += 1
        self.started.set()
        return await asyncio.shield(self.outcome)


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_hundred_askers_share_one_job_and_its_result() -> None:
    once: Once[str, str] = Once()
    work = Work()
    askers = [asyncio.create_task(once.run("chat", work)) for _ in range(100)]
    await work.started.wait()

    work.outcome.set_result("done")

    assert await asyncio.gather(*askers) == ["done"] * 100
    assert work.runs == 1


async def test_every_asker_hears_the_failure_and_the_next_one_tries_again() -> None:
    once: Once[str, str] = Once()
    failing = Work()
    askers = [asyncio.create_task(once.run("chat", failing)) for _ in range(10)]
    await failing.started.wait()
    failing.outcome.set_exception(ValueError("no route"))
    errors = await asyncio.gather(*askers, return_exceptions=True)
    assert [str(error) for error in errors] == ["no route"] * 10

    async def succeed(_: Report) -> str:
        return "done"

    assert await once.run("chat", succeed) == "done"


async def test_who_asks_in_the_very_turn_of_the_failure_gets_a_new_job() -> None:
    once: Once[str, str] = Once()
    failing, second = Work(), Work()
    second.outcome.set_result("done")
    asker = asyncio.create_task(once.run("chat", failing))
    await failing.started.wait()

    flight = once._flights["chat"].task
    failing.outcome.set_exception(ValueError("no route"))
    while not flight.done():
        await asyncio.sleep(0)

    assert await once.run("chat", second) == "done"
    with pytest.raises(ValueError, match="no route"):
        await asker


async def test_a_cancelled_asker_does_not_cancel_the_job() -> None:
    once: Once[str, str] = Once()
    work = Work()
    first = asyncio.create_task(once.run("chat", work))
    second = asyncio.create_task(once.run("chat", work))
    await work.started.wait()

    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.outcome.set_result("done")

    assert await second == "done"


async def test_the_job_goes_on_when_the_last_asker_is_gone_and_serves_the_next() -> None:
    once: Once[str, str] = Once()
    work = Work()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(once.run("chat", work), 0)
    only = asyncio.create_task(once.run("chat", work))
    await work.started.wait()
    only.cancel()
    await turns()

    late = asyncio.create_task(once.run("chat", work))
    await turns()
    work.outcome.set_result("done")

    assert await late == "done"
    assert work.runs == 1


async def test_a_failure_that_nobody_waits_for_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    once: Once[str, str] = Once()
    work = Work()
    only = asyncio.create_task(once.run("chat", work))
    await work.started.wait()
    only.cancel()
    await turns()

    work.outcome.set_exception(ValueError("no route"))
    await turns()

    assert "a job failed after everyone who asked had gone" in caplog.text


async def test_different_keys_do_not_wait_for_each_other() -> None:
    once: Once[int, str] = Once()
    works = [Work() for _ in range(10)]
    askers = [asyncio.create_task(once.run(key, work)) for key, work in enumerate(works)]

    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(work.started.wait() for work in works))
    for work in works:
        work.outcome.set_result("done")

    assert await asyncio.gather(*askers) == ["done"] * 10


async def test_who_joins_late_sees_the_progress_of_each_phase_and_what_follows() -> None:
    once: Once[str, str] = Once()
    half, finish = asyncio.Event(), asyncio.Event()

    async def job(report: Report) -> str:
        report("fetch", 10, 100)
        report("fetch", 50, 100)
        report("verify")
        half.set()
        await finish.wait()
        report("install")
        return "done"

    early: list[tuple[object, ...]] = []
    late: list[tuple[object, ...]] = []
    first = asyncio.create_task(once.run("chat", job, lambda *said: early.append(said)))
    await half.wait()
    second = asyncio.create_task(once.run("chat", job, lambda *said: late.append(said)))
    await turns()
    finish.set()
    await asyncio.gather(first, second)

    assert early == [("fetch", 10, 100), ("fetch", 50, 100), ("verify", None, None), ("install", None, None)]
    assert late == [("fetch", 50, 100), ("verify", None, None), ("install", None, None)]


async def test_who_has_gone_hears_nothing_more() -> None:
    once: Once[str, str] = Once()
    work = Work()
    heard: list[str] = []

    async def job(report: Report) -> str:
        await work(report)
        report("install")
        return "done"

    gone = asyncio.create_task(once.run("chat", job, lambda phase, *_: heard.append(phase)))
    stays = asyncio.create_task(once.run("chat", job))
    await work.started.wait()
    gone.cancel()
    await turns()
    work.outcome.set_result("")

    assert await stays == "done"
    assert heard == []


async def test_the_job_sees_no_context_of_its_asker() -> None:
    once: Once[str, str] = Once()
    asker: ContextVar[str] = ContextVar("asker", default="nobody")
    asker.set("a request")

    async def job(_: Report) -> str:
        return asker.get()

    assert await once.run("chat", job) == "nobody"


async def test_closing_ends_the_jobs_and_tells_their_askers() -> None:
    once: Once[str, str] = Once()
    work = Work()
    asker = asyncio.create_task(once.run("chat", work))
    await work.started.wait()

    await once.close()

    with pytest.raises(HostStopping):
        await asker
    with pytest.raises(HostStopping):
        await once.run("chat", work)
    assert repr(once) == "<Once 0 running>"


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "cancel", "succeed", "fail"]), st.integers(0, 2), st.integers(0, 7)),
    max_size=30,
)


@settings(deadline=None)
@given(steps=STEPS)
def test_whatever_happens_in_whatever_order_every_answer_is_the_one_of_its_own_flight(
    steps: list[tuple[str, int, int]],
) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[tuple[str, int, int]]) -> None:
    once: Once[int, tuple[int, int]] = Once()
    running: dict[int, asyncio.Future[str]] = {}
    flights: Counter[int] = Counter()
    expected: list[tuple[asyncio.Task[tuple[int, int]], int, int]] = []
    failed: set[tuple[int, int]] = set()

    async def job(key: int, _: Report) -> tuple[int, int]:
        assert key not in running, "one job for a key"
        flights[key] += 1
        number = flights[key]
        running[key] = asyncio.get_running_loop().create_future()
        try:
            await running[key]
        finally:
            del running[key]
        return key, number

    for verb, key, which in steps:
        if verb == "ask":
            number = flights[key] + (key not in running)
            expected.append((asyncio.create_task(once.run(key, partial(job, key))), key, number))
        elif verb == "cancel" and expected:
            expected[which % len(expected)][0].cancel()
        elif key in running and verb == "succeed":
            running[key].set_result("")
        elif key in running and verb == "fail":
            failed.add((key, flights[key]))
            running[key].set_exception(ValueError(f"{key} {flights[key]}"))
        await turns()
    for future in running.values():
        future.set_result("")
    await turns()
    for task, key, number in expected:
        if task.cancelled():
            continue
        error = task.exception()
        assert (str(error) == f"{key} {number}") if error else (task.result() == (key, number))
        assert (error is not None) == ((key, number) in failed)
