"""Lifespans in all their forms: what they yield joins the state, what they do wrong ends as an error of its own."""

from __future__ import annotations

import asyncio

import pytest

from plughost.errors import PlughostError, PluginExited, ProbeFailed, StartFailed, StartTimeout
from plughost.model.event import LeakFound
from plughost.runtime import Deadlines
from tests.runtime.conftest import PATIENCE, Bench, asked, until

HEAD = """
import asyncio, contextlib, sys
from fastapi import APIRouter, FastAPI, Request
from starlette.applications import Starlette
from plughost.sdk import Plugin
log = sys.modules["json"].__dict__.setdefault("_log_of_a_test", [])
"""
FORMS = {
    "an async generator": """
plugin = Plugin()
@plugin.lifespan
async def up(context):
    log.append("up"); yield {"made": context.name}; log.append("down")
""",
    "an async context manager": """
@contextlib.asynccontextmanager
async def up(context):
    log.append("up"); yield {"made": context.name}; log.append("down")
plugin = Plugin(lifespan=up)
""",
    "a class": """
class Up:
    def __init__(self, context): self.context = context
    async def __aenter__(self): log.append("up"); return {"made": self.context.name}
    async def __aexit__(self, *error): log.append("down")
plugin = Plugin(lifespan=Up)
""",
    "without a context": """
plugin = Plugin()
@plugin.lifespan
async def up():
    log.append("up"); yield {"made": "acme"}; log.append("down")
""",
    "FastAPI's own": """
@contextlib.asynccontextmanager
async def up(app):
    log.append("up"); yield {"made": "acme" if app is plugin else "?"}; log.append("down")
plugin = FastAPI(lifespan=up)
""",
    "Starlette's own": """
@contextlib.asynccontextmanager
async def up(app):
    log.append("up"); yield {"made": "acme"}; log.append("down")
plugin = Starlette(lifespan=up)
""",
    "a router's": """
@contextlib.asynccontextmanager
async def up(app):
    log.append("up"); yield {"made": "acme"}; log.append("down")
plugin = APIRouter(lifespan=up)
""",
    "the raw protocol": """
async def plugin(scope, receive, send):
    assert scope["type"] == "lifespan" and (await receive())["type"] == "lifespan.startup"
    log.append("up"); scope["state"]["made"] = "acme"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    log.append("down")
    await send({"type": "lifespan.shutdown.complete"})
""",
    "a FastAPI inside middleware": """
@contextlib.asynccontextmanager
async def up(app):
    log.append("up"); yield {"made": "acme"}; log.append("down")
inner = FastAPI(lifespan=up)
async def plugin(scope, receive, send): await inner(scope, receive, send)
""",
}


@pytest.fixture(autouse=True)
def log() -> list[str]:
    """What the plugin's code wrote down, in a place that outlives its scope."""
    import json

    kept: list[str] = []
    vars(json)["_log_of_a_test"] = kept
    return kept


@pytest.mark.parametrize("source", FORMS.values(), ids=FORMS.keys())
async def test_it_is_entered_before_serving_and_left_after(bench: Bench, source: str, log: list[str]) -> None:
    async with bench.start(HEAD + source) as unit:
        assert log == ["up"]
        assert unit.state["made"] == "acme"
        assert getattr(unit.state["context"], "name", None) == "acme"
    assert log == ["up", "down"]


async def test_several_are_entered_in_order_and_left_in_reverse_the_apps_last_and_first(bench: Bench, log: list[str]) -> None:
    source = """
def named(name):
    @contextlib.asynccontextmanager
    async def up(_):
        log.append(name); yield {"last": name, name: 1}; log.append(f"not {name}")
    return up
plugin = Plugin(routes=FastAPI(lifespan=named("app")), lifespan=named("one"))
plugin.lifespan(named("two"))
"""
    async with bench.start(HEAD + source) as unit:
        assert {"last": "app", "one": 1, "two": 1, "app": 1}.items() <= unit.state.items()
    assert log == ["one", "two", "app", "not app", "not two", "not one"]


async def test_what_they_yield_is_in_the_state_of_requests_and_the_context_cannot_be_hidden(bench: Bench) -> None:
    source = """
plugin = Plugin(routes=APIRouter())
@plugin.lifespan
async def up(context): yield {"made": 42, "context": "hidden"}
@plugin.routes.get("/")
def state(request: Request): return [request.state.made, request.state.context.name]
"""
    async with bench.start(HEAD + source) as unit, asked(unit) as client:
        assert (await client.get("/acme/")).json() == [42, "acme"]


@pytest.mark.parametrize("raises", ["raise ValueError('no')", "raise ExceptionGroup('no', [ValueError()])", "assert False, 'no'"])
async def test_an_app_that_knows_no_lifespan_serves_without(bench: Bench, raises: str) -> None:
    source = f"async def plugin(scope, receive, send):\n    if scope['type'] == 'lifespan': {raises}\n"
    async with bench.start(source) as unit:
        assert set(unit.state) == {"context"}


async def test_an_app_that_returns_at_once_serves_without_a_lifespan(bench: Bench) -> None:
    async with bench.start("async def plugin(scope, receive, send): return") as unit:
        assert set(unit.state) == {"context"}


APP = """
@contextlib.asynccontextmanager
async def up(app):
    raise ValueError("in the app")
    yield
plugin = FastAPI(lifespan=up)
"""
SAYS = "async def plugin(scope, receive, send): await send({{'type': {}}})\n"
RAISES = "@plugin.lifespan\nasync def up(context):\n    {}\n    yield\n"


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        (RAISES.format("raise ValueError('no database')"), StartFailed, "raised ValueError: no database"),
        (RAISES.format("raise ValueError"), StartFailed, "raised ValueError;"),
        (RAISES.format("sys.exit(3)"), PluginExited, "acme called sys.exit() in its start"),
        (RAISES.format("raise asyncio.CancelledError"), StartFailed, "CancelledError"),
        (RAISES.format("raise TimeoutError('the database')"), StartFailed, "raised TimeoutError: the database"),
        (RAISES.format("raise StopAsyncIteration"), StartFailed, "StopAsyncIteration"),
        ("@plugin.lifespan\nasync def up(context): return\n", StartFailed, "neither an async generator nor an async context manager"),
        ("@plugin.lifespan\ndef up(context): yield\n", StartFailed, "it gave generator"),
        ("@plugin.lifespan\ndef up(a, b): ...\n", StartFailed, "TypeError"),
        ("@plugin.lifespan\nasync def up(context):\n    if 0: yield\n", StartFailed, "generator didn't yield"),
        (APP, StartFailed, "in the app"),
        ("async def plugin(scope, receive, send): sys.exit(3)\n", PluginExited, "in its start"),
        (SAYS.format("'lifespan.startup.failed', 'message': 'no disk'"), StartFailed, "no disk"),
        (SAYS.format("'lifespan.startup.failed'"), StartFailed, "the app said that its startup failed"),
        ("class Odd(Exception):\n    def __str__(self): raise ValueError\n" + RAISES.format("raise Odd"), StartFailed, "raised Odd;"),
    ],
)  # fmt: skip
async def test_a_start_that_fails_says_why(bench: Bench, source: str, error: type[PlughostError], says: str) -> None:
    with pytest.raises(error) as told:
        async with bench.start(f"{HEAD}plugin = Plugin()\n{source}"):
            raise AssertionError("it ran")
    assert type(told.value) is error
    assert says in told.value.detail
    assert "_scope_" not in told.value.detail + str(told.value.fields)
    assert bench.reported == ["import", "start"]


async def test_the_traceback_of_a_start_begins_in_the_plugin(bench: Bench) -> None:
    source = "def deeper(): raise ValueError('no')\nplugin = Plugin()\n" + RAISES.format("deeper()")
    with pytest.raises(StartFailed) as told:
        async with bench.start(HEAD + source):
            raise AssertionError("it ran")
    assert "acme.py" in told.value.traceback
    assert "in deeper" in told.value.traceback
    assert "lifespans.py" not in told.value.traceback
    assert "_scope_" not in told.value.traceback


async def test_what_was_entered_before_the_failure_is_left(bench: Bench, log: list[str]) -> None:
    source = (
        "plugin = Plugin()\n@plugin.lifespan\nasync def one(context):\n    try: yield\n    finally: log.append('left')\n"
        + RAISES.format("raise ValueError")
    )
    with pytest.raises(StartFailed):
        async with bench.start(HEAD + source):
            raise AssertionError("it ran")
    assert log == ["left"]


CANCELLED = "await asyncio.Event().wait()"
DEAF = """while True:
        try: await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            if "let go" in log: raise"""


@pytest.mark.parametrize("hangs", [CANCELLED, DEAF], ids=["cancelled", "deaf"])
async def test_a_start_that_hangs_ends_at_its_deadline_even_if_it_swallows_the_cancellation(
    bench: Bench, hangs: str, log: list[str]
) -> None:
    bench.deadlines = Deadlines(load=PATIENCE, start=0.2, stop=0.2)
    bench.new()
    with pytest.raises(StartTimeout, match=r"acme was not up after 0\.2 s"):
        async with bench.start(f"{HEAD}PATIENCE = {PATIENCE}\nplugin = Plugin()\n" + RAISES.format(hangs)):
            raise AssertionError("it ran")
    leaks = [event.what for event in bench.events if isinstance(event, LeakFound)]
    assert leaks == ([f"task lifespan of {bench.owner}"] if hangs is DEAF else [])
    log.append("let go")
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
        await asyncio.wait({task})


async def test_a_start_that_is_cancelled_ends_what_it_began(bench: Bench, log: list[str]) -> None:
    source = "plugin = Plugin()\n" + RAISES.format(
        "log.append('up')\n    try: await asyncio.Event().wait()\n    finally: log.append('down')"
    )

    async def run() -> None:
        async with bench.start(HEAD + source):
            raise AssertionError("it ran")

    running = asyncio.create_task(run())
    await until(lambda: log == ["up"], "it starts")
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert log == ["up", "down"]


STOPS = {
    "raises": "raise ValueError('on the way down')",
    "exits": "sys.exit(3)",
    "hangs": "await asyncio.Event().wait()",
    "cancels itself": "raise asyncio.CancelledError",
}


@pytest.mark.parametrize("down", STOPS.values(), ids=STOPS.keys())
async def test_a_stop_that_goes_wrong_is_logged_and_ends_all_the_same(bench: Bench, down: str, caplog: pytest.LogCaptureFixture) -> None:
    if "wait" in down:
        bench.deadlines = Deadlines(load=PATIENCE, start=PATIENCE, stop=0.2)
        bench.new()
    source = f"plugin = Plugin()\n@plugin.lifespan\nasync def up(context):\n    yield\n    {down}\n"
    async with bench.start(HEAD + source):
        caplog.clear()
    told = [record for record in caplog.records if record.name == "plughost.plugin" and "plugin" in vars(record)]
    assert {record.getMessage() for record in told} & {"a plugin raised while it stopped", "a plugin did not stop in time"}
    assert {vars(record)["plugin"] for record in told} == {"acme"}
    assert not [event for event in bench.events if isinstance(event, LeakFound)]


async def test_a_lifespan_that_ends_while_the_plugin_serves_is_logged_and_ends_nothing_else(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
plugin = Plugin(routes=APIRouter())
@plugin.lifespan
async def up(context):
    async with asyncio.TaskGroup() as group:
        group.create_task(fails())
        yield
async def fails():
    await asyncio.sleep(0)
    raise ValueError("in the background")
@plugin.routes.get("/")
def here(): return "here"
"""
    async with bench.start(HEAD + source) as unit, asked(unit) as client:
        await until(lambda: "ended by itself" in caplog.text, "it is logged")
        assert (await client.get("/acme/")).json() == "here"
    record = next(record for record in caplog.records if "ended by itself" in record.getMessage())
    assert "in the background" in vars(record)["traceback"]


PROBES = {
    "raises": ("raise ValueError('not fit')", "raised ValueError: not fit"),
    "exits": ("sys.exit(3)", "raised SystemExit: 3"),
    "cancels itself": ("raise asyncio.CancelledError", "CancelledError"),
}


@pytest.mark.parametrize(("body", "says"), PROBES.values(), ids=PROBES.keys())
async def test_a_probe_that_raises_is_not_passed(bench: Bench, body: str, says: str) -> None:
    async with bench.start(f"{HEAD}plugin = Plugin()\n@plugin.probe\nasync def ask():\n    {body}\n") as unit:
        with pytest.raises(ProbeFailed) as told:
            await unit.probe()
    assert says in told.value.detail
    assert "_scope_" not in told.value.detail + told.value.traceback


async def test_a_probe_that_is_not_async_is_told_so(bench: Bench) -> None:
    async with bench.start(f"{HEAD}plugin = Plugin(probe=lambda: None)") as unit:
        with pytest.raises(ProbeFailed, match="a probe is an async function, this one gave NoneType"):
            await unit.probe()


async def test_all_probes_are_asked_and_without_one_the_plugin_is_proven(bench: Bench, log: list[str]) -> None:
    source = "plugin = Plugin()\n" + "".join(f"@plugin.probe\nasync def ask{n}(): log.append('{n}')\n" for n in "ab")
    async with bench.start(HEAD + source) as unit:
        await unit.probe()
        assert log == ["a", "b"]
    async with bench.start("plugin = {'routes': []}") as unit:
        await unit.probe()


async def test_a_probe_that_hangs_can_be_cancelled_by_who_asks(bench: Bench) -> None:
    source = f"{HEAD}plugin = Plugin()\n@plugin.probe\nasync def ask(): await asyncio.Event().wait()\n"
    async with bench.start(source) as unit:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await unit.probe()
