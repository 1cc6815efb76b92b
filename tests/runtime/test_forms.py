"""Each form that an entry object may have, and each wrong one with what is said of it."""

from __future__ import annotations

import pytest

from plughost.errors import EntryInvalid, EntryMissing, PlughostError
from tests.runtime.conftest import Bench, asked, rendered

ROUTER = """
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from plughost.sdk import Html, Plugin, PluginContext

router = APIRouter()

@router.get("/says")
def says(): return "routes"

async def raw(scope, receive, send):
    if scope["type"] == "http":
        await JSONResponse("routes")(scope, receive, send)

async def said(request): return JSONResponse("routes")

def fastapi():
    app = FastAPI()
    app.include_router(router)
    return app
"""
STARLETTE = "Starlette(routes=[Route('/says', said)])"

HAS_ROUTES = {
    "an APIRouter": "plugin = router",
    "a FastAPI": "plugin = fastapi()",
    "a Starlette": f"plugin = {STARLETTE}",
    "an ASGI function": "plugin = raw",
    "an ASGI object": """
class App:
    async def __call__(self, scope, receive, send): await raw(scope, receive, send)
plugin = App()
""",
    "a proxy of an ASGI object": """
class App:
    def __getattr__(self, name): return self
    async def __call__(self, scope, receive, send): await raw(scope, receive, send)
plugin = App()
""",
    "an ASGI method": """
class App:
    async def serve(self, scope, receive, send): await raw(scope, receive, send)
plugin = App().serve
""",
    "an ASGI partial": """
import functools
async def app(options, scope, receive, send): await raw(scope, receive, send)
plugin = functools.partial(app, {})
""",
    "an endpoint class": """
from starlette.endpoints import HTTPEndpoint
class plugin(HTTPEndpoint):
    async def get(self, request): return JSONResponse("routes")
""",
    "middleware around an app": """
class Middleware:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send): await self.app(scope, receive, send)
plugin = Middleware(fastapi())
""",
    "a Plugin": "plugin = Plugin(routes=router)",
    "a Plugin with an app": "plugin = Plugin(routes=fastapi())",
    "a Plugin with a list": "plugin = Plugin(routes=[{'path': '/says', 'endpoint': says}])",
    "a mapping with a router": "plugin = {'routes': router}",
    "a mapping with an app": f"plugin = {{'routes': {STARLETTE}}}",
    "a mapping with a list": "plugin = {'routes': [{'path': 'says', 'endpoint': says, 'methods': ['GET', 'PUT']}]}",
    "a read-only mapping": "import types; plugin = types.MappingProxyType({'routes': ({'path': '/says', 'endpoint': says},)})",
    "a function": "def plugin(): return router",
    "an async function": "async def plugin(): return router",
    "a function with the context": "def plugin(context):\n    assert context.name == 'acme'\n    return router",
    "an async function with the context": "async def plugin(context):\n    assert context.version == '1.0'\n    return router",
    "a class": f"class plugin(Starlette):\n    def __init__(self): super().__init__(routes={STARLETTE}.routes)",
    "a class with the context": """
class plugin:
    def __init__(self, context): self.name = context.name
    async def __call__(self, scope, receive, send):
        assert self.name == "acme"
        await raw(scope, receive, send)
""",
    "a partial": "import functools\ndef make(what, context): return context.name and what\nplugin = functools.partial(make, router)",
    "a cached function": "import functools\n@functools.cache\ndef plugin(): return router",
    "a decorated function": """
import functools
def logged(function):
    @functools.wraps(function)
    def wrapper(*args): return function(*args)
    return wrapper
@logged
def plugin(context): return router if context.name == "acme" else None
""",
    "a class method": "class Make:\n    @classmethod\n    def it(cls): return router\nplugin = Make.it",
    "a function that returns an ASGI function": "def plugin(): return raw",
    "a function that returns a mapping": "def plugin(): return {'routes': router}",
    "a function that returns a Plugin": "def plugin(): return Plugin(routes=router)",
}


@pytest.mark.parametrize("source", HAS_ROUTES.values(), ids=HAS_ROUTES.keys())
async def test_what_has_routes_serves_them(bench: Bench, source: str) -> None:
    async with bench.start(ROUTER + source) as unit, asked(unit) as client:
        answer = await client.get("/acme/says")
        assert (answer.status_code, answer.json()) == (200, "routes")
    assert bench.reported == ["import", "start"]


async def test_a_listed_route_takes_the_methods_it_names_and_else_get(bench: Bench) -> None:
    source = """
def one(): return 1
def two(): return 2
plugin = {"routes": [{"path": "/one", "endpoint": one, "methods": ("POST", "PUT")}, {"path": "two", "endpoint": two}]}
"""
    async with bench.start(source) as unit, asked(unit) as client:
        assert (await client.post("/acme/one")).json() == (await client.put("/acme/one")).json() == 1
        assert (await client.get("/acme/one")).status_code == 405
        assert (await client.get("/acme/two")).json() == 2


@pytest.mark.parametrize(
    ("signature", "given"),
    [
        ("()", []),
        ("(*args, **options)", []),
        ("(settings=None)", []),
        ("(settings=None, debug=False)", []),
        ("(anything)", ["acme"]),
        ("(anything, /)", ["acme"]),
        ("(*, anything)", ["acme"]),
        ("(context=None)", ["acme"]),
        ("(*, context=None)", ["acme"]),
        ("(settings=None, context=None)", ["acme"]),
        ("(it: PluginContext = None)", ["acme"]),
        ("(it: 'PluginContext' = None)", ["acme"]),
        ("(it: PluginContext | None = None)", ["acme"]),
        ("(it: 'plughost.sdk.PluginContext | None' = None)", ["acme"]),
        ("(settings=None, it: PluginContext = None)", ["acme"]),
        ("(settings: dict = None)", []),
    ],
)
@pytest.mark.parametrize("kind", ["def", "async def"])
async def test_a_factory_gets_the_context_only_where_it_asks_for_it(bench: Bench, kind: str, signature: str, given: list[str]) -> None:
    source = f"""
from plughost.sdk import PluginContext
{kind} plugin{signature}:
    given = [value.name for value in locals().values() if hasattr(value, "config")]
    return {{"slot": "given", "render": lambda: given}}
"""
    async with bench.start(source) as unit:
        assert await rendered(unit) == given


async def test_a_mapping_contributes_to_slots(bench: Bench) -> None:
    source = """
def render(props): return props
plugin = {
    "slot": "single", "render": render, "order": 3,
    "slots": {"bare": render, "ordered": {"render": render, "order": 7}, "several": [render, {"render": render, "order": -1}]},
}
"""
    async with bench.start(source) as unit:
        told = [(each.slot, each.order, each.position) for each in unit.contributions]
        assert told == [("single", 3, 0), ("bare", 0, 1), ("ordered", 7, 2), ("several", 0, 3), ("several", -1, 4)]
        assert {each.owner for each in unit.contributions} == {bench.owner}
        assert unit.app is None
        assert unit.openapi is None


async def test_a_plugin_declares_everything(bench: Bench) -> None:
    source = """
from plughost.sdk import Html, Plugin
plugin = Plugin(title="Acme")
plugin.provides("rooms", 42)
@plugin.slot("icons", order=10)
async def icon(user: str): return Html("<b>{}</b>").format(user)
@plugin.lifespan
async def up(context): yield {"up": context.name}
"""
    async with bench.start(source) as unit:
        assert [(each.slot, each.order, each.sync) for each in unit.contributions] == [("icons", 10, False)]
        assert await rendered(unit, user="<") == "<b>&lt;</b>"
        assert unit.provides == {"rooms": 42}
        assert unit.state["up"] == "acme"
        await unit.probe()


WRONG = {
    "plugin = 7": "a int",
    "plugin = None": "None",
    "plugin = 'text'": "a str",
    "plugin = ['a']": "a list",
    "import json as plugin": "a module",
    "plugin = object()": "a object",
    "class Odd: ...\nplugin = Odd()": "a acme.Odd",
    "class Odd:\n    def __call__(self): ...\nplugin = Odd()": "a acme.Odd",
    "class plugin: ...": "a acme.plugin",
    "plugin = lambda: None": "None",
    "plugin = lambda: 7": "a int",
    "def plugin(): return plugin": "the function plugin",
    "class Odd: ...\ndef plugin(): return Odd": "the class Odd",
    "async def plugin(): return 'text'": "a str",
    "def plugin(one, two): ...": "the function plugin, which needs 2 arguments (one, two)",
    "def plugin(environ, start_response, /): ...": "the function plugin, which needs 2 arguments (environ, start_response)",
    "def plugin(a, *, b): ...": "which needs 2 arguments (a, b)",
    "def plugin(a, b, *, c): ...": "which needs 3 arguments (a, b, c)",
    "class plugin:\n    def __init__(self, a, b): ...": "the class plugin, which needs 2 arguments (a, b)",
    "import functools\nplugin = functools.partial(lambda a, b, c, d, e: None, 1)": "which needs 4 arguments (b, c, d, e)",
    "class Wsgi:\n    def __call__(self, environ, start_response): ...\nplugin = Wsgi()": "a acme.Wsgi",
    "plugin = {}": "a mapping with neither 'slot', nor 'slots', nor 'routes'",
    "plugin = {'order': 1}": "a mapping with neither",
    "plugin = {'rotes': [], 'a': 1}": "a mapping with 'a', 'rotes', which means nothing here",
    "plugin = {'render': print}": "a mapping with 'render' and without 'slot'",
    "plugin = {'slot': 'x'}": "a mapping whose render for 'x' is None, not a function",
    "plugin = {'slot': 'x', 'render': 'text'}": "a mapping whose render for 'x' is a str, not a function",
    "plugin = {'slot': 7, 'render': print}": "a mapping whose slot is named 7",
    "plugin = {'slot': '', 'render': print}": "a mapping whose slot is named ''",
    "plugin = {'slot': 'x', 'render': print, 'order': 'first'}": "a mapping whose order for 'x' is 'first', not a number",
    "plugin = {'slots': ['x']}": "a mapping whose 'slots' is a list, not a mapping of slot names",
    "plugin = {'slots': {'x': 'text'}}": "a mapping whose render for 'x' is a str, not a function",
    "plugin = {'slots': {'x': [print, 3]}}": "a mapping whose render for 'x' is a int, not a function",
    "plugin = {'slots': {'x': {'rendr': print}}}": "a mapping whose contribution to 'x' has 'rendr', which means nothing here",
    "plugin = {'slots': {'': print}}": "a mapping whose slot is named ''",
    "plugin = {'routes': 7}": "a int",
    "class Odd: ...\nplugin = {'routes': [Odd()]}": "something whose route 0 is <acme.Odd object at",
    "plugin = {'routes': [{'path': '/'}]}": "something whose route 0 is {'path': '/'}, not {'path', 'endpoint', 'methods'}",
    "plugin = {'routes': [{'path': 7, 'endpoint': print}]}": "something whose route 0 is",
    "plugin = {'routes': [{'path': '/', 'endpoint': print, 'methods': 'GET'}]}": "'methods': 'GET'}, not {'path', 'endpoint', 'methods'}",
    "from plughost.sdk import Plugin\nplugin = Plugin(routes=7)": "a int",
    "from plughost.sdk import Plugin\nplugin = Plugin(routes=lambda: None)": "the function <lambda>",
}


@pytest.mark.parametrize(("source", "found"), WRONG.items(), ids=WRONG.keys())
async def test_a_wrong_one_is_refused_with_what_was_found_and_what_is_accepted(bench: Bench, source: str, found: str) -> None:
    with pytest.raises(EntryInvalid) as told:
        async with bench.start(source):
            raise AssertionError("it ran")
    assert f"entry point 'acme:plugin' is {found}" in told.value.detail or found in told.value.found
    assert "accepted are plughost.sdk.Plugin, an APIRouter, a FastAPI, Starlette or other ASGI application, a mapping" in told.value.detail
    assert "_scope_" not in told.value.detail
    assert told.value.code == "entry-invalid"


@pytest.mark.parametrize(
    ("entry", "plugins", "says"),
    [
        ("acme:one", None, "one"),
        ("acme:one", {"acme": "acme:two"}, "one"),
        ("acme:Group.three", None, "three"),
        ("acme", None, "plugin"),
        (None, {"acme": "acme:one", "other": "acme:two"}, "one"),
        (None, {"other": "acme:two"}, "two"),
        ("acme.sub:plugin", None, "sub"),
    ],
    ids=["asked", "asked before declared", "an attribute", "without an object", "the plugin's name", "the only one", "a sub-module"],
)
async def test_the_entry_point(bench: Bench, entry: str | None, plugins: dict[str, str] | None, says: str) -> None:
    def plugin(name: str) -> str:
        return f"{{'slot': {name!r}, 'render': print}}"

    source = f"one, two, plugin = {plugin('one')}, {plugin('two')}, {plugin('plugin')}\nclass Group: three = {plugin('three')}\n"
    files = {"acme/__init__.py": source, "acme/sub.py": f"plugin = {plugin('sub')}\n"}
    async with bench.start(files, entry=entry, plugins=plugins) as unit:
        assert [each.slot for each in unit.contributions] == [says]


@pytest.mark.parametrize(
    ("entry", "plugins", "says"),
    [
        (None, None, "the wheel declares nothing in group 'plughost.plugins'"),
        (None, {"one": "acme:one", "two": "acme:two"}, "the wheel declares ['one', 'two'] in group 'plughost.plugins'"),
        ("nowhere:plugin", None, "there is no module 'nowhere'"),
        ("acme.sub:plugin", None, "there is no module 'acme.sub'"),
        ("acme:nothing", None, "module 'acme' has no 'nothing'"),
        ("acme:one.nothing", None, "module 'acme' has no 'one.nothing'"),
    ],
)
async def test_an_entry_point_that_is_not_there(bench: Bench, entry: str | None, plugins: dict[str, str] | None, says: str) -> None:
    with pytest.raises(EntryMissing) as told:
        async with bench.start("one = two = {}", entry=entry, plugins=plugins):
            raise AssertionError("it ran")
    assert says in told.value.detail
    assert "give exposedModule as 'package.module:object'" in told.value.detail
    assert isinstance(told.value, PlughostError)
