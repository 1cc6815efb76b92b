"""Following one source: looks that were asked for see what was there when they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from plughost.catalog import Answer
from plughost.catalog.source import Kind
from plughost.control.follow import Follower
from plughost.control.intents import Intents
from plughost.errors import ProjectUnknown, SourceUnreachable
from plughost.ledger import Ledger
from plughost.model.event import Event
from plughost.model.plugin import Listing, PluginName, WheelFile

URL = "https://plugins.example.com"


class Slow:
    """A source whose answers come when the test says so; each is the list as it was when it was asked."""

    url, names, index = URL, ("*",), None
    kind: Kind = "list"

    def __init__(self) -> None:
        self.version: str | None = "1.0"
        self.asked: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def poll(self) -> Answer | None:
        version, go = self.version, asyncio.Event()
        self.asked.put_nowait(go)
        await go.wait()
        if version is None:
            raise SourceUnreachable(URL, "it was unplugged")
        file = WheelFile(url=f"{URL}/chat-{version}.whl", filename=f"chat-{version}-py3-none-any.whl", sha256="0" * 64)
        return Answer(listings=(Listing(name=PluginName("chat"), version=version, wheels=(file,), source=URL),))

    async def changes(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        raise ProjectUnknown(project or plugin, asked=[URL])


class Following:
    """A follower that runs, and what it told."""

    def __init__(self, ledger: Ledger) -> None:
        self.source, self.events = Slow(), list[Event]()
        self.intents = Intents([URL], choose=lambda listing: listing.wheels[0], core_owns=lambda _: False)
        self.woken: list[frozenset[str]] = []
        self.follower = Follower(
            self.source, ledger=ledger, intents=self.intents, wake=self.woken.append, emit=self.events.append, poll=3600
        )

    def listed(self) -> str | None:
        listing = self.intents.listing("chat")
        return listing.version if listing else None


async def asked(source: Slow) -> asyncio.Event:
    """A look is under way; it answers when the event is set."""
    async with asyncio.timeout(20):
        return await source.asked.get()


async def test_a_refresh_during_a_look_waits_for_the_next_one() -> None:
    ledger = await Ledger.open(None, boot="here")
    following = Following(ledger)
    running = asyncio.create_task(following.follower.run())
    try:
        first = await asked(following.source)
        following.source.version = "2.0"  # after that look began
        refreshing = asyncio.create_task(following.follower.refresh())
        await asyncio.sleep(0)
        first.set()
        second = await asked(following.source)
        assert following.listed() == "1.0"
        assert not refreshing.done()
        second.set()
        async with asyncio.timeout(20):
            assert (await refreshing).state == "ok"
        assert following.listed() == "2.0"
        assert following.woken == [frozenset({"chat"}), frozenset({"chat"})]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await ledger.close()


async def test_what_cannot_be_read_changes_nothing_and_is_told_once() -> None:
    ledger = await Ledger.open(None, boot="here")
    following = Following(ledger)
    following.source.version = None
    try:
        for version in ("1.0", None, None, "1.0"):
            following.source.version = version
            looking = asyncio.create_task(following.follower.look())
            (await asked(following.source)).set()
            await looking
            assert following.listed() == "1.0"
            assert following.follower.state.state == ("ok" if version else "problem")
        assert [event.kind for event in following.events] == ["source.problem", "source.recovered"]
        assert following.woken == [frozenset({"chat"})]
    finally:
        await ledger.close()
