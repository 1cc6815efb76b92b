"""Units that really run: a real wheel, unpacked, in a scope of its own, with the loop's task factory as the host sets it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from plughost.model.artifact import Site, StoredWheel
from plughost.model.event import Event
from plughost.model.owner import Owner
from plughost.model.plugin import PluginName, Target, WheelFile
from plughost.model.sharing import HostShare, negotiate
from plughost.runtime import Deadlines, InProcess, Unit, contain_tasks
from plughost.runtime.tasks import Tasks
from plughost.scope import host_share, loaded_natives
from plughost.testing import wheel

PATIENCE = 60.0
_numbers = itertools.count(1)


class Bench:
    """Where units run, and what they told."""

    def __init__(self, folder: Path, tasks: Tasks, share: HostShare) -> None:
        self.folder, self.tasks, self.share = folder, tasks, share
        self.events: list[Event] = []
        self.reported: list[str] = []
        self.owner = Owner("acme", "1.0", 0)
        self.deadlines = Deadlines(load=PATIENCE, start=PATIENCE, stop=PATIENCE)
        self.provided: dict[str, object] = {}
        self.runtime = self.new()

    def new(self) -> InProcess:
        """A runtime with the deadlines as they are now."""
        self.runtime = InProcess(
            data=self.folder / "data",
            deadlines=self.deadlines,
            tasks=self.tasks,
            render=self._rendered,
            use=self.provided.__getitem__,
            emit=self.events.append,
        )
        return self.runtime

    def site(self, files: Mapping[str, str], plugins: Mapping[str, str] | None = None) -> Site:
        """The files as a wheel in the store."""
        built = wheel("acme-plugin", "1.0", files)
        path = self.folder / built.sha256
        with zipfile.ZipFile(BytesIO(built.data)) as archive:
            archive.extractall(path)
        tops = tuple({name.partition("/")[0].removesuffix(".py") for name in files if name.endswith(".py")})
        entries = {"plughost.plugins": plugins} if plugins else {}
        own = StoredWheel(
            project="acme-plugin", version="1.0", sha256=built.sha256, path=path, tops=tops, native=False, entry_points=entries
        )
        return Site(wheels=(own,))

    def start(
        self,
        source: str | Mapping[str, str],
        *,
        entry: str | None = "acme:plugin",
        plugins: Mapping[str, str] | None = None,
        config: object = None,
        name: str = "acme",
    ) -> contextlib.AbstractAsyncContextManager[Unit]:
        """A unit of this source (of module `acme`, where it is one text)."""
        site = self.site({"acme.py": source} if isinstance(source, str) else source, plugins)
        self.owner = Owner(name, "1.0", next(_numbers))
        target = Target(
            name=PluginName(name),
            version="1.0",
            wheel=WheelFile(url="http://example.com/acme.whl", filename="acme_plugin-1.0-py3-none-any.whl"),
            entry=entry,
            mount=name,
            config=json.dumps(config or {}),
        )
        sharing = negotiate(site, self.share, loaded_natives())
        return self.runtime.start(site, sharing, target, self.owner, self.reported.append)

    async def _rendered(self, slot: str, props: Mapping[str, object]) -> str:
        return f"<i>{slot} {json.dumps(props)}</i>"


@pytest.fixture(scope="session")
def share() -> HostShare:
    return host_share()


@pytest.fixture
async def bench(tmp_path: Path, share: HostShare) -> AsyncIterator[Bench]:
    with contain_tasks() as tasks:
        yield Bench(tmp_path, tasks, share)


@contextlib.asynccontextmanager
async def asked(unit: Unit) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the unit's app, mounted at /acme as the host does it."""
    app: Any = unit.app

    async def mounted(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "root_path": "/acme", "state": dict(unit.state)}, receive, send)

    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(mounted, raise_app_exceptions=False), base_url="http://example.com"
    ) as client:
        yield client


async def rendered(unit: Unit, number: int = 0, /, **props: object) -> object:
    """What a contribution gives, run as the registry runs it."""
    contribution = unit.contributions[number]
    given = await asyncio.to_thread(contribution.render, props) if contribution.sync else contribution.render(props)
    return await given if isinstance(given, Awaitable) else given


async def until(check: Callable[[], object], what: str) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(PATIENCE):
        while not check():
            await asyncio.sleep(0.01)
    assert check(), what
