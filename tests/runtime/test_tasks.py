"""Whose tasks are whose: they end with their owner, and sys.exit() in one ends nobody else."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any

import pytest

from plughost.errors import PluginExited
from plughost.model.event import LeakFound
from plughost.model.owner import Owner, current
from plughost.runtime import Deadlines, contain_tasks
from plughost.runtime.tasks import Tasks, apart, task_of
from tests.runtime.conftest import PATIENCE, Bench, rendered, until

ADA, BOB = Owner("ada", "1.0", 1), Owner("bob", "1.0", 2)


@contextmanager
def owned(owner: Owner | None) -> Iterator[None]:
    token = current.set(owner)
    try:
        yield
    finally:
        current.reset(token)


async def forever() -> None:
    await asyncio.Event().wait()


def began(owner: Owner | None, work: Coroutine[Any, Any, Any], name: str | None = None) -> asyncio.Task[Any]:
    with owned(owner):
        return asyncio.create_task(work, name=name)


async def test_an_owners_tasks_are_cancelled_and_nobody_elses() -> None:
    with contain_tasks() as tasks:
        his, hers, ours = began(ADA, forever()), began(BOB, forever()), began(None, forever())
        await asyncio.sleep(0)
        assert await tasks.cancel(ADA, PATIENCE) == ()
        assert (his.cancelled(), hers.done(), ours.done()) == (True, False, False)
        ours.cancel()
        assert await tasks.cancel(BOB, PATIENCE) == ()
        assert hers.cancelled()
        await asyncio.wait({ours})


async def test_a_task_that_never_began_is_cancelled_without_a_complaint() -> None:
    with contain_tasks() as tasks:
        task = began(ADA, forever())
        await tasks.cancel(ADA, PATIENCE)
        assert task.cancelled()
    del task
    gc.collect()


async def test_what_a_task_begins_is_its_owners_and_so_is_what_it_begins_while_it_ends() -> None:
    made: list[asyncio.Task[None]] = []

    async def parent() -> None:
        made.append(asyncio.create_task(forever()))
        try:
            await forever()
        finally:
            made.append(asyncio.create_task(forever()))

    with contain_tasks() as tasks:
        began(ADA, parent())
        await until(lambda: made, "it begins")
        assert await tasks.cancel(ADA, PATIENCE) == ()
        assert [task.cancelled() for task in made] == [True, True]


async def test_a_deaf_task_is_named_and_does_not_hold_up_the_end() -> None:
    let_go = asyncio.Event()

    async def deaf() -> None:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue

    with contain_tasks() as tasks:
        task, other = began(ADA, deaf(), "deaf one"), began(ADA, forever(), "good one")
        await asyncio.sleep(0)
        assert await tasks.cancel(ADA, 0.1) == ("deaf one",)
        assert other.cancelled()
        let_go.set()
        await task


async def test_one_that_begins_itself_again_and_again_does_not_hold_up_the_end() -> None:
    let_go = asyncio.Event()
    alive: set[asyncio.Task[None]] = set()

    async def again() -> None:
        try:
            await let_go.wait()
        finally:
            if not let_go.is_set():
                alive.add(asyncio.create_task(again(), name="again"))

    with contain_tasks() as tasks:
        began(ADA, again())
        await asyncio.sleep(0)
        assert await tasks.cancel(ADA, 0.1) == ("again",)
        let_go.set()
        for task in alive:
            task.cancel()
        await asyncio.wait(alive)


async def test_an_end_asked_for_by_a_task_of_the_owner_does_not_end_that_task() -> None:
    with contain_tasks() as tasks:
        assert await began(ADA, tasks.cancel(ADA, PATIENCE)) == ()


@pytest.mark.parametrize("way", ["raise SystemExit(3)", "sys.exit after waiting", "sys.exit when cancelled"])
async def test_an_exit_in_a_task_ends_that_task_alone(way: str, caplog: pytest.LogCaptureFixture) -> None:
    async def leaves() -> None:
        if "raise" in way:
            raise SystemExit(3)
        try:
            await (forever() if "cancelled" in way else asyncio.sleep(0))
        finally:
            sys.exit(3)

    with contain_tasks() as tasks:
        task = began(ADA, leaves())
        await asyncio.sleep(0)
        await (tasks.cancel(ADA, PATIENCE) if "cancelled" in way else asyncio.wait({task}))
        assert isinstance(task.exception(), PluginExited)
        assert isinstance(task.exception().__cause__, SystemExit)  # type: ignore[union-attr]  # it is one
    record = next(record for record in caplog.records if "sys.exit()" in record.getMessage())
    assert vars(record)["plugin"] == "ada"


async def test_an_exit_in_a_task_of_nobodys_stays_an_exit() -> None:
    async def leaves() -> None:
        raise SystemExit(3)

    with contain_tasks():
        loop = asyncio.get_running_loop()
        task = loop.create_task(leaves())
        assert type(task.get_coro()).__name__ == "coroutine"
        task.cancel()
        await asyncio.wait({task})


async def test_tasks_are_made_by_the_factory_that_was_there_and_it_is_put_back() -> None:
    loop, made = asyncio.get_running_loop(), []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(factory)
    try:
        with contain_tasks() as tasks:
            assert await began(ADA, asyncio.sleep(0, "slept")) == "slept"
            assert await began(None, asyncio.sleep(0, "slept")) == "slept"
            assert len(made) == 2
            await tasks.cancel(ADA, PATIENCE)
        assert loop.get_task_factory() is factory
    finally:
        loop.set_task_factory(None)


async def test_a_factory_that_somebody_put_in_later_stays() -> None:
    loop = asyncio.get_running_loop()

    def later(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        return asyncio.Task(coroutine, loop=loop, **options)

    try:
        with contain_tasks():
            loop.set_task_factory(later)
        assert loop.get_task_factory() is later
    finally:
        loop.set_task_factory(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
@pytest.mark.parametrize("waits", [False, True])
async def test_eager_tasks_are_owned_and_contained(waits: bool) -> None:  # noqa: FBT001 - a parameter of the test
    loop = asyncio.get_running_loop()

    async def leaves() -> None:
        if waits:
            await asyncio.sleep(0)
        sys.exit(3)

    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]  # not on 3.11
    try:
        with contain_tasks() as tasks:
            task, left = began(ADA, leaves()), began(ADA, forever())
            await asyncio.wait({task})
            assert isinstance(task.exception(), PluginExited)
            await tasks.cancel(ADA, PATIENCE)
            assert left.cancelled()
    finally:
        loop.set_task_factory(None)


async def test_a_task_with_a_context_of_its_own_is_that_contexts_owners() -> None:
    def context(owner: Owner | None) -> contextvars.Context:
        made = contextvars.Context()
        made.run(current.set, owner)
        return made

    loop = asyncio.get_running_loop()
    with contain_tasks() as tasks, owned(ADA):
        bobs, nobodys = loop.create_task(forever(), context=context(BOB)), loop.create_task(forever(), context=contextvars.Context())
        await asyncio.sleep(0)
        await tasks.cancel(ADA, PATIENCE)
        assert not bobs.done()
        await tasks.cancel(BOB, PATIENCE)
        assert (bobs.cancelled(), nobodys.done()) == (True, False)
        nobodys.cancel()
        await asyncio.wait({nobodys})


async def test_a_contained_task_looks_like_any_other() -> None:
    async def named() -> str:
        await asyncio.sleep(0)
        return "done"

    with contain_tasks():
        task = began(ADA, named(), "its name")
        assert "named" in repr(task)
        await asyncio.sleep(0)
        assert task.get_stack()[0].f_code.co_name == "named"
        assert (await task, task.get_name()) == ("done", "its name")


async def test_groups_timeouts_and_shields_work_in_contained_tasks() -> None:
    async def work() -> list[int]:
        async with asyncio.TaskGroup() as group:
            made = [group.create_task(asyncio.sleep(0, number)) for number in range(3)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.shield(asyncio.sleep(0.01))
        return [task.result() for task in made]

    with contain_tasks() as tasks:
        assert await began(ADA, work()) == [0, 1, 2]
        await tasks.cancel(ADA, PATIENCE)


async def test_code_apart_gives_what_it_gives() -> None:
    async def fails() -> None:
        raise ValueError("no")

    async def leaves() -> None:
        sys.exit(3)

    async def cancels() -> None:
        raise asyncio.CancelledError

    with contain_tasks():
        assert await apart(asyncio.sleep(0, "slept"), owner=ADA, name="test") == "slept"
        for work, error in ((fails, ValueError), (leaves, SystemExit), (cancels, RuntimeError)):
            with pytest.raises(error):
                await apart(work(), owner=ADA, name="test")


async def test_a_task_of_an_owner_sees_nothing_of_who_made_it() -> None:
    asks: contextvars.ContextVar[str] = contextvars.ContextVar("asks", default="nobody")
    asks.set("somebody")

    async def told() -> tuple[Owner | None, str]:
        return current.get(), asks.get()

    with contain_tasks():
        assert await task_of(ADA, told(), "test") == (ADA, "nobody")


async def test_tasks_that_ended_are_not_kept() -> None:
    tasks = Tasks()
    task = asyncio.create_task(asyncio.sleep(0))
    tasks.add(ADA, task)
    await task
    del task
    gc.collect()
    assert await tasks.cancel(ADA, 0) == ()


async def test_what_a_plugin_began_ends_with_it_wherever_it_began(bench: Bench) -> None:
    source = """
import asyncio
from plughost.sdk import Plugin
names = iter("abcdef")
def begin(): asyncio.create_task(asyncio.Event().wait(), name=f"of the plugin {next(names)}")
async def plugin(context):
    begin()
    plugin = Plugin()
    @plugin.lifespan
    async def up(context):
        begin()
        yield
        begin()
    @plugin.slot("icons")
    async def icon(): begin()
    return plugin
"""

    def left() -> list[str]:
        return sorted(task.get_name() for task in asyncio.all_tasks() if "of the plugin" in task.get_name())

    async with bench.start(source) as unit:
        await task_of(bench.owner, rendered(unit), "a render")
        assert left() == ["of the plugin a", "of the plugin b", "of the plugin c"]
    assert left() == []


async def test_a_deaf_task_of_a_plugin_is_told_as_a_leak(bench: Bench) -> None:
    let_go = bench.provided["let go"] = asyncio.Event()
    bench.deadlines = Deadlines(load=PATIENCE, start=PATIENCE, stop=0.1)
    bench.new()
    source = """
import asyncio
from plughost.sdk import Plugin
plugin = Plugin()
async def deaf(event):
    while not event.is_set():
        try: await event.wait()
        except asyncio.CancelledError: pass
@plugin.lifespan
async def up(context):
    asyncio.create_task(deaf(context.use("let go")), name="deaf one")
    yield
"""
    async with bench.start(source):
        await asyncio.sleep(0)
    expected = LeakFound(plugin="acme", version="1.0", generation=bench.owner.generation, what="task deaf one")
    assert bench.events == [expected]
    let_go.set()
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "deaf one"], "it ends")


async def test_who_is_cancelled_while_it_waits_for_deaf_tasks_has_closed_the_scope(bench: Bench) -> None:
    let_go, heard = asyncio.Event(), asyncio.Event()
    bench.provided |= {"let go": let_go, "heard": heard}
    source = """
import asyncio
from plughost.sdk import Plugin
plugin = Plugin()
async def deaf(let_go, heard):
    while not let_go.is_set():
        try: await let_go.wait()
        except asyncio.CancelledError: heard.set()
@plugin.lifespan
async def up(context):
    asyncio.create_task(deaf(context.use("let go"), context.use("heard")), name="deaf one")
    yield
"""
    async with asyncio.timeout(PATIENCE):
        running = asyncio.create_task(_until_cancelled(bench.start(source)))
        await until(lambda: any(task.get_name() == "deaf one" for task in asyncio.all_tasks()), "it runs")
        running.cancel()
        await heard.wait()
        running.cancel()
        await asyncio.wait({running})
    assert f"_scope_acme_{bench.owner.generation}" not in sys.modules
    let_go.set()
    await until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "deaf one"], "it ends")


async def _until_cancelled(unit: AbstractAsyncContextManager[object]) -> None:
    async with unit:
        await asyncio.Event().wait()
