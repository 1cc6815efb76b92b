"""Importing and building in a thread of ours: what goes wrong there, and what is left when nobody waits any more."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading

import pytest

from plughost.errors import ImportExited, ImportFailed, ImportTimeout, PlughostError
from plughost.model.event import LeakFound
from plughost.model.owner import current
from plughost.runtime import Deadlines
from plughost.runtime.thread import in_thread
from tests.runtime.conftest import PATIENCE, Bench, rendered, until


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("raise ValueError('not today')", ImportFailed, "raised ValueError: not today"),
        ("import nowhere", ImportFailed, "No module named 'nowhere'"),
        ("def plugin(): return 1/0", ImportFailed, "ZeroDivisionError"),
        ("async def plugin(): return 1/0", ImportFailed, "ZeroDivisionError"),
        ("this is no Python", ImportFailed, "SyntaxError"),
        ("import sys; sys.exit(3)", ImportExited, "called sys.exit(3)"),
        ("import sys\ndef plugin(): sys.exit('bye')", ImportExited, "called sys.exit('bye')"),
        ("import sys\nasync def plugin(): sys.exit()", ImportExited, "called sys.exit(None)"),
        ("raise KeyboardInterrupt", ImportFailed, "KeyboardInterrupt"),
        ("import asyncio; raise asyncio.CancelledError", ImportFailed, "CancelledError"),
        ("import asyncio\nasync def plugin(): raise asyncio.CancelledError", ImportFailed, "CancelledError"),
        ("raise StopIteration", ImportFailed, "StopIteration"),
        ("async def plugin(): raise StopAsyncIteration", ImportFailed, "StopAsyncIteration"),
        ("raise TimeoutError('the network')", ImportFailed, "raised TimeoutError: the network"),
        ("async def plugin(): raise TimeoutError('the network')", ImportFailed, "raised TimeoutError: the network"),
        ("raise BaseExceptionGroup('many', [KeyboardInterrupt()])", ImportFailed, "BaseExceptionGroup: many"),
        ("class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd", ImportFailed, "raised Odd;"),
        ("class Odd(Exception): ...\nraise Odd(Odd)", ImportFailed, "raised Odd: <class 'acme.Odd'>"),
        (
            "from fastapi import APIRouter\nclass Odd: ...\nplugin = APIRouter()\n@plugin.get('/')\ndef get(x: Odd): ...",
            ImportFailed,
            "Invalid args for response field",
        ),
        ("from plughost.sdk import Plugin\nplugin = Plugin(settings=object())", ImportFailed, "Unable to generate pydantic-core schema"),
    ],
)
async def test_an_import_that_fails_says_what_it_raised(bench: Bench, source: str, error: type[PlughostError], says: str) -> None:
    with pytest.raises(error) as told:
        async with bench.start(source):
            raise AssertionError("it ran")
    assert says in told.value.detail
    assert "_scope_" not in told.value.detail + str(told.value.fields)
    assert bench.reported == ["import"]
    assert not [name for name in sys.modules if name.startswith(f"_scope_acme_{bench.owner.generation}")]


async def test_the_traceback_of_an_import_begins_in_the_plugin_and_shows_its_causes(bench: Bench) -> None:
    deeper = "def fail():\n    try: 1/0\n    except ArithmeticError as e: raise ValueError('no') from e\n"
    files = {"acme/__init__.py": "from acme.deeper import fail\nfail()\n", "acme/deeper.py": deeper}
    with pytest.raises(ImportFailed) as told:
        async with bench.start(files):
            raise AssertionError("it ran")
    lines = told.value.traceback.splitlines()
    assert any("deeper.py" in line for line in lines)
    assert "The above exception was the direct cause" in told.value.traceback
    assert "inprocess.py" not in told.value.traceback


HANGS = {
    "an import": "import json\nwhile not hasattr(json, '_let_go'): ...\nplugin = {'routes': []}",
    "a factory": "import json, time\ndef plugin():\n    while not hasattr(json, '_let_go'): time.sleep(.01)\n    return {'routes': []}",
}


@pytest.mark.parametrize("source", HANGS.values(), ids=HANGS.keys())
async def test_an_import_that_hangs_ends_at_the_deadline_and_closes_its_scope_when_its_thread_ends(bench: Bench, source: str) -> None:
    import json

    source = source.replace("...", "time.sleep(.01)").replace("import json\n", "import json, time\n")
    vars(json).pop("_let_go", None)
    bench.deadlines = Deadlines(load=0.3, start=PATIENCE, stop=PATIENCE)
    bench.new()
    with pytest.raises(ImportTimeout, match=r"importing 'acme:plugin' took longer than 0\.3 s"):
        async with bench.start(source):
            raise AssertionError("it ran")
    thread = next(thread for thread in threading.enumerate() if thread.name == f"plughost import {bench.owner}")
    assert thread.daemon
    assert "_scope_acme_" in "".join(sys.modules)
    vars(json)["_let_go"] = True
    try:
        await until(lambda: not thread.is_alive(), "the thread ends")
        assert not [name for name in sys.modules if name.startswith(f"_scope_acme_{bench.owner.generation}")]
    finally:
        vars(json).pop("_let_go")


async def test_a_load_whose_caller_is_cancelled_closes_its_scope_when_its_thread_ends(bench: Bench) -> None:
    import json

    vars(json).pop("_let_go", None)

    async def run() -> None:
        async with bench.start("import json, time\nwhile not hasattr(json, '_let_go'): time.sleep(.01)\n"):
            raise AssertionError("it ran")

    running = asyncio.create_task(run())
    await until(lambda: any(thread.name.startswith("plughost import") for thread in threading.enumerate()), "it imports")
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    vars(json)["_let_go"] = True
    try:
        await until(lambda: not any(name.startswith("_scope_acme_") for name in list(sys.modules)), "the scope is closed")
    finally:
        vars(json).pop("_let_go")


async def test_an_async_factory_that_hangs_ends_at_the_deadline(bench: Bench) -> None:
    bench.deadlines = Deadlines(load=0.3, start=PATIENCE, stop=PATIENCE)
    bench.new()
    with pytest.raises(ImportTimeout):
        async with bench.start("import asyncio\nasync def plugin(): await asyncio.Event().wait()"):
            raise AssertionError("it ran")
    assert not [name for name in sys.modules if name.startswith(f"_scope_acme_{bench.owner.generation}")]
    assert not [event for event in bench.events if isinstance(event, LeakFound)]


async def test_what_a_failed_factory_began_is_ended(bench: Bench) -> None:
    source = """
import asyncio
async def work(): await asyncio.Event().wait()
async def plugin():
    asyncio.create_task(work(), name="work")
    await asyncio.sleep(0)
    raise ValueError("no")
"""
    with pytest.raises(ImportFailed):
        async with bench.start(source):
            raise AssertionError("it ran")
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "work"]


async def test_plugin_code_runs_as_its_owner_and_sees_nothing_of_who_asked(bench: Bench) -> None:
    import contextvars

    asks: contextvars.ContextVar[str] = contextvars.ContextVar("asks", default="nobody")
    asks.set("a request")
    seen: list[object] = []
    bench.provided["see"] = lambda: seen.append((current.get(), asks.get()))
    source = """
from plughost.sdk import Plugin
async def plugin(context):
    context.use("see")()
    made = Plugin()
    @made.lifespan
    async def up(context):
        context.use("see")()
        yield
    @made.probe
    async def ask(): context.use("see")()
    return made
"""
    async with bench.start(source) as unit:
        await unit.probe()
    assert seen == [(bench.owner, "nobody")] * 3
    assert current.get() is None


async def test_two_units_of_one_plugin_run_side_by_side(bench: Bench) -> None:
    one = bench.start("plugin = {'slot': 'x', 'render': lambda: 1}")
    two = bench.start("plugin = {'slot': 'x', 'render': lambda: 2}")
    async with one as first, two as second:
        assert [await rendered(first), await rendered(second)] == [1, 2]


async def test_a_thread_that_ends_as_its_caller_leaves_still_calls_late(bench: Bench) -> None:
    late = threading.Event()
    for number in range(50):  # the moment cannot be hit on purpose, only often
        late.clear()
        waiting = asyncio.create_task(in_thread(lambda: None, owner=bench.owner, what="test", late=late.set))
        for _ in range(1 + number % 5):
            await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        if waiting.cancelled():
            await until(late.is_set, "late is called")


async def test_a_thread_after_the_loop_is_gone_calls_late() -> None:
    from plughost.model.owner import Owner

    go, late = threading.Event(), threading.Event()

    def another_loop() -> None:
        loop = asyncio.new_event_loop()
        task = loop.create_task(in_thread(lambda: go.wait(PATIENCE), owner=Owner("a", "1", 1), what="test", late=late.set))
        loop.call_soon(loop.stop)
        loop.run_forever()
        task.get_coro().close()  # as an interpreter that ends does it
        loop.close()
        go.set()

    await asyncio.to_thread(another_loop)
    await until(late.is_set, "late is called")
    gc.collect()
