"""Nothing of a stopped generation stays alive: not in the runtime, and not in a whole host that served it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import threading
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import httpx
import pytest

from plughost.host import housekeeping
from plughost.runtime.leaks import Leaks
from plughost.settings import Settings, SourceSettings
from plughost.testing import RunningHost, running_host, wheel
from tests.runtime.conftest import Bench, asked, bench, rendered, share

__all__ = ["bench", "share"]  # fixtures
ROUNDS = 200
PLUGIN = """
from __future__ import annotations
import asyncio, contextlib
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar
from fastapi import APIRouter, BackgroundTasks, Depends, FastAPI, Form, Request, WebSocket
from pydantic import BaseModel, EmailStr
from plughost.sdk import Html, Plugin

T = TypeVar("T")

class Part(BaseModel):
    n: int = 1
class Item(BaseModel):
    name: str = "x"
    parts: list[Part] = []
class Page(BaseModel, Generic[T]):
    items: list[T]
@dataclass
class Settings:
    limit: int = 3

router = APIRouter()
def limit(n: int = 1) -> int: return n

@router.get("/")
async def get(request: Request, n: Annotated[int, Depends(limit)]) -> Page[Item]:
    return Page[Item](items=[Item()] * n)
@router.post("/")
def post(item: Item, tasks: BackgroundTasks) -> Item:
    tasks.add_task(limit)
    return item
@router.post("/form")
def form(name: Annotated[str, Form()], mail: Annotated[EmailStr, Form()]) -> Part: return Part()
@router.websocket("/ws")
async def ws(socket: WebSocket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()

app = FastAPI()
app.include_router(router)
@app.middleware("http")
async def middleware(request, call_next): return await call_next(request)

plugin = Plugin(routes=ROUTES, settings=Settings)
@plugin.slot("icons")
async def icon(user: str, item: Item | None = None): return Html("<b>{}</b>").format(user)
@plugin.slot("icons")
def plain(n: int = 1): return str(n)
@plugin.lifespan
async def up(context):
    worker = asyncio.create_task(asyncio.Event().wait(), name="work of the plugin")
    yield {"limit": context.config.limit}
"""
ROUTER, APP = PLUGIN.replace("ROUTES", "router"), PLUGIN.replace("ROUTES", "app")
SINCE_EVER = {"Authorization": "Bearer the-admin-token-of-a-test", "Last-Event-ID": "0"}
Things = list[weakref.ref[Any]]


def things(prefix: str) -> Iterator[weakref.ref[Any]]:
    """The modules, classes and functions of all scopes whose root begins so."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(prefix) or not getattr(module, "__name__", "").startswith(prefix):
            continue  # the host's plughost.sdk is there, too
        yield weakref.ref(module)
        for thing in list(vars(module).values()):
            if isinstance(thing, (type, FunctionType)) and thing.__module__ == module.__name__:
                yield weakref.ref(thing)


def alive(watched: Things) -> list[Any]:
    return [thing for reference in watched if (thing := reference()) is not None]


def collect() -> None:
    """Twice, for pydantic keeps generic models under weak references whose keys are strong."""
    gc.collect()
    gc.collect()


def resident() -> int:
    """KiB."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024 if statm.exists() else 0


@pytest.mark.parametrize("source", [ROUTER, APP], ids=["router", "app"])
async def test_after_200_starts_and_stops_nothing_of_the_plugin_is_alive(
    bench: Bench,
    source: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def use() -> Things:
        async with bench.start(source, name="leaky") as unit, asked(unit) as client:
            assert len((await client.get("/acme/?n=2")).json()["items"]) == 2
            assert (await client.post("/acme/", json={"name": "y"})).json() == {"name": "y", "parts": []}
            assert (await client.post("/acme/form", data={"name": "a", "mail": "ada@example.com"})).json() == {"n": 1}
            assert await rendered(unit, user="<") == "<b>&lt;</b>"
            assert await rendered(unit, 1, n="2") == "2"
            assert unit.openapi is not None
            assert unit.openapi()
            return list(things("_scope_leaky_"))

    await use()
    collect()
    watched: Things = []
    before = resident()
    for number in range(ROUNDS):
        watched += await use()
        if number % 20 == 19:
            collect()
    assert len(watched) >= ROUNDS * 10
    collect()
    assert alive(watched) == []
    assert not [name for name in sys.modules if name.startswith("_scope_leaky_")]
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "work of the plugin"]
    with capsys.disabled():
        sys.stdout.write(f"\n{ROUNDS} starts of {len(watched) // ROUNDS} things: {resident() - before:+} KiB\n")


@contextlib.asynccontextmanager
async def host_with(tmp_path: Path, source: str) -> AsyncIterator[RunningHost]:
    """A host that serves the plugin `leaky` out of a folder."""
    wheel("acme-leaky", "1.0", {"leaky.py": source}, plugins={"leaky": "leaky:plugin"}).write(tmp_path / "wheels")
    sources = (SourceSettings(url=str(tmp_path / "wheels"), kind="folder"),)
    async with running_host(Settings(home=tmp_path / "home", sources=sources, drain=20)) as host:
        await host.until_serving("leaky")
        yield host


async def use(host: RunningHost) -> None:
    async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
        assert len((await client.get("/leaky/?n=2")).json()["items"]) == 2
        assert (await client.post("/leaky/", json={"name": "y"})).json()["name"] == "y"
        assert (await client.get("/slots/icons?user=<", headers={"Accept": "text/html"})).text == "<b>&lt;</b>1"


async def test_after_200_reloads_nothing_of_the_old_ones_is_alive_in_the_whole_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with host_with(tmp_path, APP) as host:
        document = (await host.get("/openapi.json")).text
        watched: Things = list(things("_scope_leaky_"))
        before = resident()
        for number in range(ROUNDS):
            await host.operate("POST", "/api/plugins/leaky/reload")
            watched += things("_scope_leaky_")
            if number % 20 == 19:
                await use(host)
                collect()
        assert (await host.get("/openapi.json")).text == document
        told = resident() - before
        await host.operate("POST", "/api/plugins/leaky/disable")

        assert (await host.get("/leaky/")).status_code == 404
        assert (await host.get("/slots/icons?user=a")).json()["items"] == []
        assert "leaky" not in (await host.get("/openapi.json")).text
        plugin = await host.plugin("leaky")
        assert plugin is not None
        assert plugin["generations"] == []

        async def gone() -> bool:
            collect()
            return not alive(watched)

        await host.until(gone, f"{len(alive(watched))} of {len(watched)} things go")
        assert not [name for name in sys.modules if name.startswith("_scope_leaky_")]
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "work of the plugin"]
        assert not [thread for thread in threading.enumerate() if "leaky" in thread.name]
    with capsys.disabled():
        sys.stdout.write(f"\n{ROUNDS} reloads over HTTP of {len(watched) // ROUNDS} things: {told:+} KiB\n")


async def test_a_host_tells_what_a_stopped_generation_left_alive_when_it_is_quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "QUIET", 0.1)
    monkeypatch.setattr(housekeeping, "AGAIN", 0.1)
    monkeypatch.setitem(Leaks.__init__.__kwdefaults__ or {}, "patience", 0.5)
    source = "import json\nclass Kept: ...\nclass Gone: ...\njson._kept_by_a_test = Kept\nplugin = {'routes': []}\n"
    async with host_with(tmp_path, source) as host:
        await host.operate("POST", "/api/plugins/leaky/disable")

        async with asyncio.timeout(60), host.http.stream("GET", "/api/events", headers=SINCE_EVER) as stream:
            lines = stream.aiter_lines()
            while "leak.found" not in await anext(lines):
                pass
            told = json.loads((await anext(lines)).removeprefix("data: "))
    vars(json).pop("_kept_by_a_test")
    assert (told["plugin"], told["version"]) == ("leaky", "1.0")
    assert told["what"].startswith("class leaky.Kept, held by")
