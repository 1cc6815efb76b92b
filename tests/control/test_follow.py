"""Following one source: looks that were asked for see what was there when they were asked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from plughost.catalog import Answer
from plughost.catalog.source import Kind
from plughost.control.follow import Follower, forget_sources
from plughost.control.intents import Intents
from plughost.errors import DiskFull, ProjectUnknown, SourceUnreachable
from plughost.ledger import Ledger
from plughost.model.event import Event
from plughost.model.plugin import Listing, PluginName, WheelFile
from plughost.model.revocation import Reasons

URL = "https://plugins.example.com"
DIGEST = "ab" * 32


class Slow:
    """A source whose answers come when the test says so; each is the list as it was when it was asked."""

    url, names, index = URL, ("*",), None
    kind: Kind = "list"

    def __init__(self) -> None:
        self.version: str | None = "1.0"
        self.revocations: Reasons | None = None
        self.unplugged: SourceUnreachable | None = None
        self.asked: asyncio.Queue[asyncio.Event] = asyncio.Queue()

    async def poll(self) -> Answer | None:
        version, go = self.version, asyncio.Event()
        self.asked.put_nowait(go)
        await go.wait()
        if version is None:
            raise SourceUnreachable(URL, "it was unplugged")
        file = WheelFile(url=f"{URL}/chat-{version}.whl", filename=f"chat-{version}-py3-none-any.whl", sha256="0" * 64)
        return Answer(listings=(Listing(name=PluginName("chat"), version=version, wheels=(file,), source=URL),))

    async def revoked(self) -> Reasons | None:
        if self.unplugged is not None:
            raise self.unplugged
        return self.revocations

    async def changes(self) -> AsyncIterator[None]:
        await asyncio.Event().wait()
        yield

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        raise ProjectUnknown(project or plugin, asked=[URL])


class Full:
    """A ledger, as far as there is room for it."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger, self.room = ledger, True

    def __getattr__(self, name: str) -> Any:
        if not self.room:
            raise DiskFull("the home")
        return getattr(self._ledger, name)


class Following:
    """A follower that runs, and what it told."""

    def __init__(self, ledger: Ledger | Full) -> None:
        self.source, self.events = Slow(), list[Event]()
        self.intents = Intents([URL], choose=lambda listing: listing.wheels[0], core_owns=lambda _: False)
        self.woken: list[frozenset[str]] = []
        self.follower = Follower(
            self.source, ledger=cast("Ledger", ledger), intents=self.intents, wake=self.woken.append, emit=self.events.append, poll=3600
        )

    async def look(self) -> None:
        """One look, which is answered at once."""
        looking = asyncio.create_task(self.follower.look())
        (await asked(self.source)).set()
        await looking

    def told(self) -> list[str]:
        return [event.kind for event in self.events]

    def listed(self) -> str | None:
        listing = self.intents.listing("chat")
        return listing.version if listing else None


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    opened = await Ledger.open(None, boot="here")
    yield opened
    await opened.close()


async def asked(source: Slow) -> asyncio.Event:
    """A look is under way; it answers when the event is set."""
    async with asyncio.timeout(60):
        return await source.asked.get()


async def test_a_refresh_during_a_look_waits_for_the_next_one(ledger: Ledger) -> None:
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
        async with asyncio.timeout(60):
            assert (await refreshing).state == "ok"
        assert following.listed() == "2.0"
        assert following.woken == [frozenset({"chat"}), frozenset({"chat"})]
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_cannot_be_read_changes_nothing_and_is_told_once(ledger: Ledger) -> None:
    following = Following(ledger)
    for version in ("1.0", None, None, "1.0"):
        following.source.version = version
        await following.look()
        assert following.listed() == "1.0"
        assert following.follower.state.state == ("ok" if version else "problem")
    assert following.told() == ["source.problem", "source.recovered"]
    assert following.woken == [frozenset({"chat"})]


async def test_a_list_and_a_revocation_of_one_look_are_one_change(ledger: Ledger) -> None:
    following = Following(ledger)
    await following.look()
    following.source.version, following.source.revocations = "2.0", {DIGEST: "stolen"}
    await following.look()

    assert following.woken == [frozenset({"chat"})] * 2
    assert following.intents.revoked.reasons == {DIGEST: "stolen"}
    assert (await ledger.recorded()).revoked == {URL: {DIGEST: "stolen"}}


async def test_a_revocation_is_taken_where_the_list_cannot_be_read_and_no_list_is_made_of_that(ledger: Ledger) -> None:
    following = Following(ledger)
    following.source.version, following.source.revocations = None, {DIGEST: "stolen"}
    await following.look()

    assert following.follower.state.state == "problem"
    assert following.intents.revoked.reasons == {DIGEST: "stolen"}
    recorded = await ledger.recorded()
    assert (recorded.lists, recorded.revoked) == ({}, {URL: {DIGEST: "stolen"}})


async def test_a_list_is_taken_where_the_revocations_cannot_be_read(ledger: Ledger) -> None:
    following = Following(ledger)
    following.source.unplugged = SourceUnreachable(f"{URL}/api/revoked", "it was unplugged")
    await following.look()

    assert following.listed() == "1.0"
    assert following.follower.state.problem == str(following.source.unplugged)
    following.source.unplugged = None
    await following.look()
    assert following.told() == ["source.problem", "source.recovered"]


async def test_what_is_revoked_is_so_though_the_disk_is_full_and_is_written_when_there_is_room(ledger: Ledger) -> None:
    full = Full(ledger)
    following = Following(full)
    await following.look()
    full.room, following.source.revocations = False, {DIGEST: "stolen"}
    await following.look()

    assert following.intents.revoked.reasons == {DIGEST: "stolen"}
    assert following.woken[-1] == {"chat"}
    assert following.told()[-1:] == ["source.problem"]
    assert (await ledger.recorded()).revoked == {}

    full.room, following.source.revocations = True, None  # a source tells it once
    await following.look()
    assert (await ledger.recorded()).revoked == {URL: {DIGEST: "stolen"}}
    assert following.told() == ["source.problem", "source.recovered"]


async def test_what_a_source_revoked_is_lifted_when_it_has_left_the_settings(ledger: Ledger) -> None:
    following = Following(ledger)
    await ledger.set_list("https://gone.example.com", None, None, {DIGEST: "stolen"})
    following.intents.load({}, {}, (await ledger.recorded()).revoked)
    followers = (following.follower,)
    forgetting = asyncio.create_task(forget_sources(followers, ledger=ledger, intents=following.intents, wake=following.woken.append))
    await following.look()
    await forgetting

    assert following.intents.revoked.reasons == {}
    assert (await ledger.recorded()).revoked == {}
    assert [row.verb for row in await ledger.audit()] == ["unrevoke", "revoke"]
