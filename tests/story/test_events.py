"""What happens is told as server-sent events, and who comes back misses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from plughost.ledger import Ledger
from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello

Json = dict[str, Any]
TOKEN = {"Authorization": "Bearer the-admin-token-of-a-test"}


class Told:
    """The events of one stream, as they come."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines

    async def one(self) -> Json:
        """The next event: `id`, `event`, `data`."""
        seen: Json = {}
        async with asyncio.timeout(60):
            async for line in self._lines:
                field, _, value = line.partition(": ")
                if line and field:
                    seen[field] = json.loads(value) if field == "data" else value
                elif seen:
                    return {**seen, "id": int(seen["id"])}
        raise AssertionError("the stream ended")

    async def upto(self, event: str, **data: object) -> list[Json]:
        """The events until this one, it included."""
        seen = [await self.one()]
        while seen[-1]["event"] != event or any(seen[-1]["data"].get(name) != value for name, value in data.items()):
            seen.append(await self.one())
        return seen


@contextlib.asynccontextmanager
async def told(host: RunningHost, after: object = None) -> AsyncIterator[Told]:
    """A stream of events that is open when this is entered."""
    headers = TOKEN if after is None else {**TOKEN, "Last-Event-ID": str(after)}
    async with host.http.stream("GET", "/api/events", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        lines = response.aiter_lines()
        async with asyncio.timeout(60):
            assert (await anext(lines)).startswith(":")
        yield Told(lines)


async def test_an_install_is_told_from_its_phases_to_its_end(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    async with told(host) as stream:
        operation = await host.install("hello", project="acme-hello")
        events = await stream.upto("operation.ended")

    phases = [event["data"]["phase"] for event in events if event["event"] == "plugin.phase"]
    assert phases == ["importing", "starting", "probing", "serving"]
    mounted = next(event["data"] for event in events if event["event"] == "plugin.mounted")
    assert (mounted["plugin"], mounted["version"], mounted["mount"]) == ("hello", "1.0", "hello")
    assert mounted["generation"] == (await host.plugin("hello") or {})["serving"]["generation"]
    ended = events[-1]["data"]
    assert (ended["operation"], ended["verb"], ended["state"], ended["plugin"]) == (operation["id"], "install", "succeeded", "hello")
    progress = [event["data"] for event in events if event["event"] == "operation.progress"]
    assert progress
    assert {event["operation"] for event in progress} == {operation["id"]}
    assert all(event["data"]["at"] for event in events)
    identifiers = [event["id"] for event in events]
    assert identifiers == sorted(set(identifiers))


async def test_an_end_and_a_failure_are_told(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"), hello("2.0", extra="raise RuntimeError('not today')"))
    await host.install("hello", project="acme-hello", version="1.0")
    async with told(host) as stream:
        await host.refused("POST", "/api/plugins/hello/upgrade", {"version": "2.0"})
        failed = (await stream.upto("operation.ended", verb="upgrade"))[-1]["data"]
        assert (failed["state"], failed["code"], failed["plugin"]) == ("failed", "import-failed", "hello")
        assert "not today" in failed["detail"]
        await host.operate("POST", "/api/plugins/hello/disable")
        events = await stream.upto("operation.ended", verb="disable")

    ends = [event["data"] for event in events if event["event"] in {"plugin.phase", "plugin.retired"}]
    assert [end.get("phase") for end in ends if end["version"] == "1.0"] == ["draining", "stopping", "retired", None]


async def test_what_is_wrong_with_a_source_is_told_once_and_so_is_its_recovery(host: RunningHost, index: Index) -> None:
    async with told(host) as stream:
        index.raw = b"[{]"
        for _ in range(3):
            await host.ask("POST", "/api/sources/refresh")
        index.raw = None
        await host.ask("POST", "/api/sources/refresh")
        events = await stream.upto("source.recovered")

    assert [event["event"] for event in events] == ["source.problem", "source.recovered"]
    assert {event["data"]["source"] for event in events} == {index.url}
    assert events[0]["data"]["problem"]


async def test_an_entry_that_cannot_be_taken_is_told(host: RunningHost, index: Index) -> None:
    async with told(host) as stream:
        await index.say({"name": "Not A Name", "remoteEntryUrl": "x.whl"}, index.entry(hello("1.0")))
        index.publish(hello("1.0"))
        problem = (await stream.upto("source.problem"))[-1]["data"]
    assert problem["entry"] == "Not A Name"


async def test_a_contribution_that_fails_is_told(host: RunningHost, index: Index) -> None:
    extra = "\n@plugin.slot('greetings')\nasync def breaks():\n    raise LookupError('nobody here')\n"
    await index.list(hello("1.0", extra=extra))
    await host.until_serving("hello")
    async with told(host) as stream:
        await host.get("/slots/greetings")
        failed = (await stream.upto("slot.failed"))[-1]["data"]
    assert (failed["slot"], failed["plugin"], failed["version"]) == ("greetings", "hello", "1.0")
    assert failed["code"]


async def test_who_comes_back_gets_exactly_what_was_missed(start: HostFactory, index: Index) -> None:
    index.publish(hello("1.0"))
    async with start() as host:
        async with told(host) as stream:
            await host.install("hello", project="acme-hello")
            first = await stream.upto("operation.ended")
            await host.operate("POST", "/api/plugins/hello/disable")
            rest = await stream.upto("operation.ended")
        async with told(host, first[-1]["id"]) as stream:
            assert [await stream.one() for _ in rest] == rest
        async with told(host, 0) as stream:
            assert (await stream.upto("operation.ended", verb="disable"))[-len(rest) :] == rest

    async with start() as host, told(host, first[-1]["id"]) as stream:  # ids go on over a restart
        assert [await stream.one() for _ in rest] == rest
        await host.operate("POST", "/api/plugins/hello/enable")
        enabled = (await stream.upto("operation.ended", verb="enable"))[-1]
        assert enabled["id"] > rest[-1]["id"]


async def forget_events(host: RunningHost) -> None:
    """So many things happen that those before are forgotten."""
    ledger = await Ledger.open(host.host.settings.home / "ledger.sqlite", boot="another-process")
    try:
        await ledger.append_events([("plugin.phase", {"at": 0.0})] * 10_000)
    finally:
        await ledger.close()


async def test_who_comes_back_too_late_is_told_of_the_gap(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    async with told(host) as stream:
        await host.install("hello", project="acme-hello")
        seen = (await stream.upto("operation.ended"))[0]["id"]
    await forget_events(host)

    async with told(host, seen) as stream:
        gap, following = await stream.one(), await stream.one()
    assert gap["event"] == "gap"
    assert gap["data"]["lost"] > 0
    assert following["id"] == gap["id"] + 1 == seen + gap["data"]["lost"] + 1


@pytest.mark.parametrize("after", [10**6, 10**30])
async def test_an_id_that_never_was_is_a_gap_too(host: RunningHost, index: Index, after: int) -> None:
    index.publish(hello("1.0"))
    async with told(host, after) as stream:
        assert (await stream.one())["event"] == "gap"
        await host.install("hello", project="acme-hello")
        assert (await stream.upto("operation.ended"))[-1]["data"]["plugin"] == "hello"


@pytest.mark.parametrize("after", ["soon", "-1", "1.5", "1 2"])
async def test_a_last_event_id_that_is_no_number(host: RunningHost, after: str) -> None:
    answer = await host.http.get("/api/events", headers={**TOKEN, "Last-Event-ID": after})
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


async def test_a_stream_ends_when_the_host_stops(start: HostFactory) -> None:
    async with start() as host, told(host) as stream:
        host.host.stop_accepting()
        with pytest.raises(AssertionError, match="the stream ended"):
            await stream.one()


async def test_two_listeners_hear_the_same(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    async with told(host) as one, told(host) as other:
        await host.install("hello", project="acme-hello")
        assert await one.upto("operation.ended") == await other.upto("operation.ended")
