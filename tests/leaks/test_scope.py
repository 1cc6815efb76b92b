"""Nothing of a closed scope stays alive."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

from plughost.model.sharing import HostShare, Sharing
from plughost.scope import Scope, Watch, host_share

ROUNDS = 200


@pytest.fixture(scope="session")
def share() -> HostShare:
    return host_share()


@pytest.fixture
def sharing(tmp_path: Path, share: HostShare) -> Callable[[Mapping[str, str]], Sharing]:
    """Writes files and shares what is strict, and click and jinja2."""
    seen = [one for one in share.values() if one.kind == "strict" or one.project in {"click", "jinja2"}]

    def write(files: Mapping[str, str]) -> Sharing:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        tops = frozenset().union(*(one.tops for one in seen))
        return Sharing(placements=(), shared_tops=tops, native={}, private=(tmp_path,))

    return write


PLAIN = {
    "acme/__init__.py": "from acme.models import Model\nfrom lib import Thing, lazy\ndef plugin(): return Model, Thing, lazy()\n",
    "acme/models.py": """
from __future__ import annotations
import abc, collections, dataclasses, enum, functools, typing
from typing import Generic, List, Optional, TypeVar, overload
import pydantic
T = TypeVar("T")
class Model(pydantic.BaseModel):
    x: int = 1
    more: Optional[List[Model]] = None
class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]
Page[Model](items=[Model()])
pydantic.TypeAdapter(list[Model]).validate_python([{"x": 1}])
@dataclasses.dataclass
class Row:
    model: Model
class Color(enum.Enum):
    RED = 1
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class Child(Base):
    def f(self): return isinstance(self, collections.abc.Sized)
Child().f()
Hint = Optional[Child], List[Row], typing.Union[Row, Child], typing.Callable[[Row], Child], dict[str, Row]
typing.get_type_hints(Row)
@overload
def over(x: int) -> int: ...
@overload
def over(x: str) -> str: ...
def over(x): return x
@functools.lru_cache
def cached(x): return Row(x)
cached(1)
""",
    "lib/__init__.py": """
import importlib
class Thing: ...
def lazy():
    from lib import late
    return importlib.import_module("lib.late")
""",
    "lib/late.py": "class Late: ...\n",
}

KEPT = {
    "acme.py": """
import atexit, codecs, collections, copyreg, ctypes, functools, inspect, io, json, linecache, logging, pickle, pkgutil, sqlite3
import sys, threading, traceback, typing, warnings, weakref, contextvars, datetime, decimal, types, ast, textwrap
class Thing: ...
class Odd(UserWarning): ...
class Struct(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int)]
class Handler(logging.Handler):
    def emit(self, record): ...
class Formatter(logging.Formatter): ...
class Logger(logging.Logger): ...
class Str(str): ...
pointer = ctypes.POINTER(Struct)
atexit.register(lambda: None)
codecs.register_error("acme-leak", lambda error: ("", error.end))
codecs.register(lambda name: None)
copyreg.pickle(Thing, lambda thing: (Thing, ()))
warnings.simplefilter("ignore", Odd)
warnings.warn("odd", Odd, stacklevel=2)
warnings.simplefilter("once", Odd)
warnings.warn_explicit("odd", Odd, sys.modules["json"].__file__, 1, "json", json.__dict__.setdefault("__warningregistry__", {}))
logging.getLogger(__name__).addHandler(Handler())
logging.getLogger("natural").addHandler(Handler())
logging.getLogger().addHandler(Handler())
stream = logging.StreamHandler()
stream.setFormatter(Formatter())
logging.getLogger("natural").addHandler(stream)
logging.getLogger("natural").addFilter(lambda record: True)
weakref.finalize(json, functools.partial(print, Thing))
weakref.finalize(Thing, Thing.__init__, None).atexit = False
sqlite3.register_adapter(Thing, str)
inspect.getsource(Thing); inspect.signature(Thing); inspect.getattr_static(Thing(), "x", None); inspect.getmodule(Thing)
linecache.getline(__file__, 1)
@pkgutil.iter_importer_modules.register(Thing)
def _(thing, prefix=""): return ()
@functools.singledispatch
def own(x): ...
@own.register
def _(x: Thing): ...
collections.abc.Sequence.register(Thing)
isinstance(Thing(), collections.abc.Mapping)
typing.Optional[Thing], typing.List[Thing], typing.Union[Thing, Odd], typing.Annotated[Thing, 1]
var = contextvars.ContextVar("var", default=Thing())
traceback.format_exception(ValueError(Thing()))
pickle.loads(pickle.dumps(Thing()))
try:
    raise ValueError(Thing())
except ValueError:
    pass
sys.excepthook = lambda *a: None
import click, jinja2
@click.command()
@click.option("--x", type=click.Choice(["a"]))
def command(x): ...
jinja2.Environment(loader=jinja2.DictLoader({"a": "{{ x }}"})).get_template("a").render(x=Thing())
def plugin(): ...
""",
}

ROUTER = {
    "acme.py": """
from __future__ import annotations
from typing import Annotated
from fastapi import APIRouter, Depends, Form
from pydantic import BaseModel
from plughost.sdk import Plugin
router = APIRouter()
class Item(BaseModel):
    name: str
    parts: list[Part] = []
class Part(BaseModel):
    n: int
def limit(n: int = 1) -> int: return n
@router.post("/items")
async def create(item: Item, n: Annotated[int, Depends(limit)]) -> Item: return item
@router.post("/form")
async def form(name: Annotated[str, Form()]) -> dict[str, Part]: return {}
plugin = Plugin(routes=router)
@plugin.slot("icons")
async def icon(user: str) -> str: return user
"""
}


def _things(scope: Scope) -> Iterator[weakref.ref[Any]]:
    for module in scope.modules().values():
        yield weakref.ref(module)
        for thing in vars(module).values():
            if isinstance(thing, (type, FunctionType)) and thing.__module__ == module.__name__:
                yield weakref.ref(thing)


def _round(root: str, sharing: Sharing, entry: str, use: Callable[[Any], object] = lambda _: None) -> tuple[Watch, list[weakref.ref[Any]]]:
    with Scope(root, sharing) as scope:
        use(scope.load(entry))
        return Watch(scope), list(_things(scope))


def _resident() -> int:
    """What this process occupies now in KiB; its peak where the system does not say."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _collect() -> None:
    gc.collect()
    gc.collect()


def _forget_fastapis_caches() -> None:
    """As runtime/inprocess does: FastAPI keeps endpoints in caches of its own."""
    from fastapi.dependencies import models

    for cached in vars(models).values():
        getattr(cached, "cache_clear", int)()


@pytest.mark.parametrize(
    ("files", "entry"), [(PLAIN, "acme:plugin"), (KEPT, "acme:plugin"), (ROUTER, "acme:plugin")], ids=["plain", "kept", "router"]
)
def test_after_200_rounds_no_module_class_or_function_is_alive(
    sharing: Callable[[Mapping[str, str]], Sharing],
    files: Mapping[str, str],
    entry: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(warnings, "showwarning", lambda *_, **__: None)  # pytest would keep the category
    decided = sharing(files)
    _round("_scope_leak_0", decided, entry)
    watches, things, resident = [], [], _resident()

    for number in range(1, ROUNDS + 1):
        watch, some = _round(f"_scope_leak_{number}", decided, entry)
        watches.append(watch)
        things += some
        if number % 20 == 0:  # once for many, as the host does when it is idle
            _forget_fastapis_caches()
            _collect()

    assert [thing() for thing in things if thing() is not None] == []
    assert [told for watch in watches for told in watch.survivors()] == []
    assert len(things) >= ROUNDS * 2
    assert not [name for name in logging.root.manager.loggerDict if name.startswith("_scope_")]
    assert not [name for name in sys.modules if name.startswith("_scope_leak_")]
    with capsys.disabled():
        sys.stdout.write(f"\n{ROUNDS} rounds of {len(things) // ROUNDS} things: {_resident() - resident:+} KiB\n")


def test_what_survives_is_named_with_its_holder(sharing: Callable[[Mapping[str, str]], Sharing]) -> None:
    kept: dict[str, Any] = {}
    watch, _ = _round("_scope_held_1", sharing(PLAIN), "acme:plugin", lambda plugin: kept.update(thing=plugin()[1]))
    _collect()

    told = watch.survivors()

    assert len(told) == 1
    assert told[0].startswith("class lib.Thing, held by a dict")
    kept.clear()
    _collect()
    assert watch.survivors() == ()


def test_a_function_that_survives_keeps_its_module_and_says_so(sharing: Callable[[Mapping[str, str]], Sharing]) -> None:
    kept: list[Any] = []
    watch, _ = _round("_scope_held_2", sharing({"acme.py": "class A: ...\ndef plugin(): ...\n"}), "acme:plugin", kept.append)
    _collect()

    told = watch.survivors()

    assert {line.partition(",")[0] for line in told} == {"class acme.A", "function acme.plugin"}
    kept.clear()


def test_a_thread_that_still_runs_is_named(sharing: Callable[[Mapping[str, str]], Sharing]) -> None:
    text = """
import threading
done = threading.Event()
def work(): done.wait(60)
def plugin():
    started = threading.Thread(target=work, name="worker of acme", daemon=True)
    started.start()
    return done, started
"""
    running: list[Any] = []
    watch, _ = _round("_scope_held_3", sharing({"acme.py": text}), "acme:plugin", lambda plugin: running.extend(plugin()))
    done, thread = running

    assert "thread worker of acme" in watch.survivors()
    done.set()
    thread.join(20)
    assert "thread worker of acme" not in watch.survivors()


async def test_a_task_that_still_waits_is_named(sharing: Callable[[Mapping[str, str]], Sharing]) -> None:
    text = "import asyncio\nasync def inner(): await asyncio.Event().wait()\nasync def plugin(): await inner()\n"
    tasks: list[asyncio.Task[None]] = []

    async def wrapped(plugin: Any) -> None:
        await plugin()

    def start(plugin: Any) -> None:
        tasks.append(asyncio.get_running_loop().create_task(wrapped(plugin), name="waits for ever"))

    watch, _ = _round("_scope_held_4", sharing({"acme.py": text}), "acme:plugin", start)
    await asyncio.sleep(0)

    assert "task waits for ever" in watch.survivors()
    tasks[0].cancel()
    await asyncio.wait(tasks, timeout=60)
    assert "task waits for ever" not in watch.survivors()


def test_a_watch_keeps_nothing_alive(sharing: Callable[[Mapping[str, str]], Sharing]) -> None:
    scope = Scope("_scope_held_5", sharing(PLAIN))
    scope.open()
    scope.load("acme:plugin")
    watch, gone = Watch(scope), weakref.ref(scope)
    scope.close()
    del scope
    _collect()

    assert gone() is None
    assert watch.survivors() == ()
    assert threading.active_count() >= 1
