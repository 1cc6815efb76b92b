"""Several processes on one home: real ones, one of which is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from plughost.testing import BuiltWheel
from tests.store.conftest import OpenStore
from tests.store.indexes import DEADLINE, Net
from tests.store.targets import left_behind, lib, plugin, site_of, target

PROGRAM = Path(__file__).with_name("another_process.py")


class Another:
    """A child process and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hears(self, word: str) -> list[str]:
        """The next line that begins with the word."""
        assert self._process.stdout is not None
        async with asyncio.timeout(2 * DEADLINE):
            while line := (await self._process.stdout.readline()).decode():
                if line.startswith(word):
                    return line.split()
        raise AssertionError(f"it ended before it said {word!r}")

    async def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        await self._process.stdin.drain()

    async def kill(self) -> None:
        """As `kill -9` does."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


Start = Callable[[str, BuiltWheel], Awaitable[Another]]


@pytest.fixture
async def start(net: Net, tmp_path: Path) -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def started(boot: str, built: BuiltWheel) -> Another:
            return await stack.enter_async_context(_running(net, tmp_path / "home", boot, built))

        yield started


@asynccontextmanager
async def _running(net: Net, home: Path, boot: str, built: BuiltWheel) -> AsyncIterator[Another]:
    url = net.plugins.url_of(built.filename)
    told = json.dumps({"url": url, "filename": built.filename, "sha256": built.sha256, "index": net.plugins.url})
    pipe = asyncio.subprocess.PIPE
    arguments = (str(home), boot, net.origin, told, json.dumps(net.environ))
    process = await asyncio.create_subprocess_exec(sys.executable, str(PROGRAM), *arguments, stdin=pipe, stdout=pipe)
    another = Another(process)
    try:
        yield another
    finally:
        await another.kill()
        if process.stdin is not None:
            process.stdin.close()


def publish(net: Net) -> tuple[BuiltWheel, BuiltWheel]:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib")
    net.plugins.publish(built)
    net.registry.publish(dependency)
    return built, dependency


async def test_two_that_install_the_same_at_once_share_every_download(net: Net, start: Start, tmp_path: Path) -> None:
    built, dependency = publish(net)
    gate = net.plugins.hold(built.filename)
    both = [await start("one", built), await start("two", built)]
    for another in both:
        await another.hears("open")
    gate.set()

    for another in both:
        assert await another.hears("site") == ["site", built.sha256, dependency.sha256]
    assert (net.plugins.served[built.filename], net.registry.served[dependency.filename]) == (1, 1)

    await both[0].go_on()
    assert await both[0].hears("pruned") == ["pruned", "0"], "the other one leases it still"
    await both[1].go_on()
    assert await both[1].hears("pruned") == ["pruned", "2"]
    assert not [path for path in left_behind(tmp_path / "home") if not path.startswith("pins/")]


async def test_when_one_is_killed_in_the_middle_the_other_finishes(net: Net, start: Start, open_store: OpenStore, tmp_path: Path) -> None:
    built, dependency = publish(net)
    gate = net.plugins.hold(built.filename)
    first = await start("first", built)
    async with asyncio.timeout(2 * DEADLINE):
        await net.plugins.begun[built.filename].wait()
    staging = tmp_path / "home/store/staging"
    assert any(path.name.startswith("first-") for path in staging.iterdir())
    second = await start("second", built)
    await second.hears("open")
    assert any(path.name.startswith("first-") for path in staging.iterdir()), "a live one's staging stays"

    await first.kill()
    gate.set()

    assert await second.hears("site") == ["site", built.sha256, dependency.sha256]
    store = await open_store()
    assert not any(path.name.startswith("first-") for path in staging.iterdir()), "a dead one's is swept out"
    assert not store.alive("first")
    assert store.alive("second")
    assert (await site_of(store, target(net.plugins, built))).digests == {built.sha256, dependency.sha256}
    assert await store.prune() == (), "the second one leases all of it"


async def test_a_killed_ones_leases_end_with_it(net: Net, start: Start, open_store: OpenStore) -> None:
    built, dependency = publish(net)
    another = await start("another", built)
    await another.hears("site")
    store = await open_store()
    assert await store.prune() == ()

    await another.kill()

    assert set(await store.prune()) == {built.sha256, dependency.sha256}
