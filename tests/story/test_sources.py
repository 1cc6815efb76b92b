"""Where plugin lists come from, and what happens when a source is wrong, slow, down, private, or gone."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from plughost.settings import OriginSettings, SourceSettings
from plughost.testing import RunningHost, broken_wheel, served
from tests.story.house import HostFactory, Index, hello
from tests.story.refusals import one_serves, one_still_serves, refused_operation
from tests.story.ways import Guarded, gated

Json = dict[str, Any]


async def source(host: RunningHost, url: str | None = None) -> Json:
    """What the host says of a source (by default the only one), the same at both places."""
    sources: list[Json] = (await host.ask("GET", "/api/sources")).json()["sources"]
    beside: list[Json] = (await host.ask("GET", "/api/plugins")).json()["sources"]
    assert [each["url"] for each in sources] == [each["url"] for each in beside]
    return next(each for each in sources if url in {None, each["url"]})


async def until_problem(host: RunningHost, words: str, url: str | None = None) -> None:
    async def so() -> bool:
        said = await source(host, url)
        return said["state"] == "problem" and words in said["problem"]

    await host.until(so, f"the source has a problem: {words}")


async def until_well(host: RunningHost, url: str | None = None) -> None:
    async def so() -> bool:
        said = await source(host, url)
        return said["state"] == "ok" and "problem" not in said

    await host.until(so, "the source is well")


async def until_entries(host: RunningHost, expected: dict[str, str], url: str | None = None) -> None:
    """Until exactly these entries of the source are reported, each with these words."""

    async def so() -> bool:
        said = {entry["name"]: entry["problem"] for entry in (await source(host, url)).get("entries", [])}
        return said.keys() == expected.keys() and all(words in said[name] for name, words in expected.items())

    await host.until(so, f"these entries are reported: {expected}")


async def looks(host: RunningHost, times: int = 3) -> None:
    """The sources are looked at so many times."""
    for _ in range(times):
        assert (await host.ask("POST", "/api/sources/refresh")).status_code == 200


async def events(host: RunningHost, last: str) -> list[Json]:
    """What was told of sources from the beginning to the first event of this kind."""
    found: list[Json] = []
    headers = {"Authorization": "Bearer the-admin-token-of-a-test", "Last-Event-ID": "0"}
    async with asyncio.timeout(60), host.http.stream("GET", "/api/events", headers=headers) as stream:
        kind = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            if line.startswith("data: ") and kind.startswith("source."):
                found.append({"kind": kind, **json.loads(line.removeprefix("data: "))})
                if kind == last:
                    break
    return found


# A list that cannot be read


@pytest.mark.parametrize(
    ("raw", "status", "says"),
    [
        (b'[{"name": "hello"', 200, "not JSON"),
        (b"\xff\xfe", 200, "not JSON"),
        (b"<html>maintenance</html>", 200, "not JSON"),
        (b"", 200, "not JSON"),
        (b"[]", 500, "HTTP 500"),
        (b"[]", 404, "HTTP 404"),
        (b'{"plugins": []}', 200, "a plugin list is a JSON array, this is dict"),
        (b'"hello"', 200, "a plugin list is a JSON array, this is str"),
        (b'[{"name": 7}, {"title": "hello"}, "hello"]', 200, "none of its entries is right"),
    ],
)
async def test_a_list_that_cannot_be_read_changes_nothing_and_is_told_once(
    host: RunningHost, index: Index, caplog: pytest.LogCaptureFixture, raw: bytes, status: int, says: str
) -> None:
    await one_serves(host, index)
    index.raw, index.status = raw, status
    await index.tell()
    await until_problem(host, says)
    await looks(host)
    await one_still_serves(host)
    assert (await source(host))["checked"]

    index.raw, index.status = None, 200
    await index.list(hello("1.1"))
    await host.until_serving("hello", "1.1")
    await until_well(host)

    told = await events(host, "source.recovered")
    assert [event["kind"] for event in told] == ["source.problem", "source.recovered"]
    assert says in told[0]["problem"]
    assert {event["source"] for event in told} == {index.url}
    warned = [record for record in caplog.records if record.getMessage() == "source has a problem"]
    assert [(record.levelno, says in record.problem) for record in warned] == [(logging.WARNING, True)]  # type: ignore[attr-defined]


async def test_another_problem_of_the_same_source_is_told_too(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    index.status = 500
    await until_problem(host, "HTTP 500")
    index.status, index.raw = 200, b"{"
    await until_problem(host, "not JSON")
    index.raw = None
    await until_well(host)
    told = await events(host, "source.recovered")
    assert [event["kind"] for event in told] == ["source.problem", "source.problem", "source.recovered"]


async def test_an_index_that_is_down_and_comes_back(start: HostFactory) -> None:
    index = Index()
    async with gated(index.app) as gate:
        index.url = gate.url
        async with start(index=gate.url) as host:
            await one_serves(host, index)
            await gate.close()
            await until_problem(host, f"{gate.url}/api/plugins/enabled did not answer")
            await one_still_serves(host)
            await host.operate("POST", "/api/plugins/hello/reload")  # what is on disk needs no index
            await looks(host)

            await index.list(hello("1.1"))  # nobody hears it
            await gate.open()
            await host.until_serving("hello", "1.1")
            await until_well(host)
            told = await events(host, "source.recovered")
            assert [event["kind"] for event in told] == ["source.problem", "source.recovered"]


async def test_a_host_that_starts_while_the_index_is_down_serves_what_it_served_and_what_is_listed_later(start: HostFactory) -> None:
    index = Index()
    async with gated(index.app) as gate:
        index.url = gate.url
        async with start(index=gate.url) as host:
            await one_serves(host, index)
        await gate.close()
        async with start(index=gate.url) as host:
            await host.until_serving("hello", "1.0")
            await until_problem(host, "did not answer")
            await index.list(hello("1.1"))
            await gate.open()
            await host.until_serving("hello", "1.1")


async def test_an_index_that_is_slow_holds_nobody_up(start: HostFactory, index: Index) -> None:
    quick = Index()
    async with served(quick.app) as quick.url, start(sources=(SourceSettings(url=quick.url),)) as host:
        await one_serves(host, index)
        index.hold_list = asyncio.Event()
        await index.list(hello("1.1"))
        asked = index.asked["list"]

        async def hangs() -> bool:
            return index.asked["list"] > asked

        await host.until(hangs, "the slow index is asked")
        await quick.list(hello("1.0", name="other"))
        await host.until_serving("other")
        await one_still_serves(host)

        index.hold_list.set()
        await host.until_serving("hello", "1.1")


# Entries that cannot be taken


@pytest.mark.parametrize(
    ("entry", "name", "says"),
    [
        ({"name": "other"}, "other", "remoteEntryUrl: Field required"),
        ({"remoteEntryUrl": "x-1.0-py3-none-any.whl"}, "entry 2", "name: Field required"),
        ({"name": "api", "remoteEntryUrl": "x-1.0-py3-none-any.whl"}, "api", "is a path of the host itself"),
        ({"name": "Other", "remoteEntryUrl": "x-1.0-py3-none-any.whl"}, "Other", "'Other'"),
        ({"name": "other", "remoteEntryUrl": "x-1.0.tar.gz"}, "other", "is not a wheel"),
        ({"name": "other", "remoteEntryUrl": "x-1.0-py3-none-any.whl", "mount": "docs"}, "other", "/docs is a path of the host itself"),
        ({"name": "other", "remoteEntryUrl": "x-1.0-py3-none-any.whl", "version": "2.0"}, "other", "version 2.0 is listed"),
        ({"name": "other", "remoteEntryUrl": "x-1.0-py3-none-any.whl", "integrity": "md5-x"}, "other", "no sha256"),
        ({"name": "other", "remoteEntryUrl": "x-1.0-py3-none-any.whl#sha256=zz"}, "other", "is no sha256"),
        ({"name": "other", "remoteEntryUrl": "x-1.0-py3-none-any.whl", "exposedModule": "no module!"}, "other", "package.module:object"),
        ({"name": "other", "remoteEntryUrl": "gopher://example.com/x-1.0-py3-none-any.whl"}, "other", "not a URL that can be fetched"),
        (7, "entry 2", "valid dictionary"),
    ],
)
async def test_one_bad_entry_among_good_ones(host: RunningHost, index: Index, entry: Any, name: str, says: str) -> None:
    await one_serves(host, index)
    good = [hello("1.1"), hello("1.0", name="another")]
    index.publish(*good)
    await index.say(index.entry(good[0]), entry, index.entry(good[1]))

    await host.until_serving("hello", "1.1")
    await host.until_serving("another")
    await until_entries(host, {name: says})
    assert (await source(host))["state"] == "ok"
    await looks(host)

    await index.list(*good)
    await until_entries(host, {})
    index.status = 500  # a problem at last, so that the events have an end
    await until_problem(host, "HTTP 500")
    index.status = 200
    told = [event for event in await events(host, "source.recovered") if "entry" in event]
    assert [(event["kind"], event["entry"]) for event in told] == [("source.problem", name)]
    assert says in told[0]["problem"]


async def test_a_bad_entry_of_what_runs_changes_nothing_of_it(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    other = hello("1.0", name="other")
    index.publish(other)
    await index.say({"name": "hello", "remoteEntryUrl": "hello-2.0.tar.gz"}, index.entry(other))

    await host.until_serving("other")
    await until_entries(host, {"hello": "is not a wheel"})
    await one_still_serves(host)
    await index.list(other)  # now it is gone, and that is no mistake
    await host.until_status("hello", "absent")


async def test_a_name_that_is_listed_twice(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    one, two, other = hello("1.1"), hello("1.2"), hello("1.0", name="other")
    twice = hello("1.0", name="twice")
    index.publish(one, two, other, twice)
    await index.say(index.entry(one), index.entry(other), index.entry(two), index.entry(twice), index.entry(twice))

    await host.until_serving("other")
    await until_entries(host, {"hello": "it is listed 2 times, so none of them is taken", "twice": "listed 2 times"})
    await one_still_serves(host)
    assert await host.plugin("twice") is None
    await index.say(index.entry(two), index.entry(other), index.entry(twice))
    await host.until_serving("hello", "1.2")
    await host.until_serving("twice")
    await until_entries(host, {})


async def test_an_empty_list_disables_all_that_was_listed(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"), hello("1.0", name="other"))
    installed = hello("1.0", name="installed")
    await host.until_serving("hello")
    await host.until_serving("other")
    index.publish(installed)
    await host.install("installed", url=f"{index.url}{index.path(installed)}", integrity=installed.integrity)

    await index.say()

    for name in ("hello", "other"):
        await host.until_status(name, "absent")
        assert (await host.get(f"/{name}/")).status_code == 404
    await until_well(host)
    assert (await host.get("/installed/")).json() == "1.0"  # an operator said so


async def test_a_change_is_serving_without_polling_where_there_is_a_stream(start: HostFactory, index: Index) -> None:
    await index.list(hello("1.0"))
    async with start(poll=3600) as host:
        await host.until_serving("hello", "1.0")
        for version in ("1.1", "1.2"):
            waits = index.asked["events"]

            async def listens(waits: int = waits) -> bool:
                return index.asked["events"] >= max(1, waits)

            await host.until(listens, "the host listens")
            await index.list(hello(version))
            await host.until_serving("hello", version)

            async def listens_again(waits: int = waits) -> bool:
                return index.asked["events"] > waits

            await host.until(listens_again, "the host listens again")


# Several sources


async def test_each_source_speaks_for_its_names_only(start: HostFactory, index: Index) -> None:
    theirs = Index()
    async with served(theirs.app) as theirs.url:
        sources = (SourceSettings(url=theirs.url, names=("team-*", "chat")),)
        async with start(sources=sources) as host:
            await index.list(hello("1.0"))
            await theirs.list(hello("1.0", name="team-a"), hello("1.0", name="chat"), hello("9.0", name="hello"), hello("1.0", name="bank"))
            for name in ("hello", "team-a", "chat"):
                await host.until_serving(name, "1.0")
            await looks(host)
            assert await host.plugin("bank") is None
            assert "entries" not in await source(host, theirs.url)  # it is deaf to them
            await one_still_serves(host)
            intent = (await host.plugin("team-a") or {})["intent"]
            assert intent == {"state": "enabled", "version": "1.0", "source": theirs.url}

            says = ("'bank'",)
            await refused_operation(host, "POST", "/api/plugins", {"name": "bank"}, is_="404 plugin-unknown", says=says)


async def test_where_two_list_one_name_the_first_speaks_and_the_other_is_reported(start: HostFactory, index: Index) -> None:
    second = Index()
    async with served(second.app) as second.url, start(sources=(SourceSettings(url=second.url),)) as host:
        await second.list(hello("2.0"), hello("1.0", name="other"))
        await host.until_serving("hello", "2.0")

        await index.list(hello("1.0"))
        await host.until_serving("hello", "1.0")
        await until_entries(host, {"hello": f"{index.url} lists it too and speaks first"}, second.url)
        await until_entries(host, {}, index.url)
        await host.until_serving("other")

        await second.list(hello("3.0"), hello("1.0", name="other"))
        await looks(host)
        await one_still_serves(host)

        await index.list()
        await host.until_serving("hello", "3.0")
        await until_entries(host, {}, second.url)


async def test_the_first_source_being_down_gives_its_names_to_nobody(start: HostFactory, index: Index) -> None:
    second = Index()
    async with served(second.app) as second.url, start(sources=(SourceSettings(url=second.url),)) as host:
        await one_serves(host, index)
        index.status = 500
        await until_problem(host, "HTTP 500", index.url)
        await second.list(hello("2.0"), hello("1.0", name="other"))
        await host.until_serving("other")
        await one_still_serves(host)


async def test_a_source_taken_out_of_the_settings_counts_as_gone_when_every_other_has_answered(start: HostFactory, index: Index) -> None:
    second = Index()
    async with served(second.app) as second.url:
        async with start(sources=(SourceSettings(url=second.url),)) as host:
            await one_serves(host, index)
            await second.list(hello("1.0", name="other"))
            await host.until_serving("other")
        index.status = 500
        async with start(origins=(OriginSettings(url=second.url, private=True),)) as host:  # it is no source, and trusted still
            await host.until_serving("other", "1.0")
            await until_problem(host, "HTTP 500")
            await looks(host)
            assert await host.serving("other") == "1.0"
            await one_still_serves(host)

            index.status = 200
            await host.until_status("other", "absent")
            await one_still_serves(host)
            assert [each["url"] for each in (await host.ask("GET", "/api/sources")).json()["sources"]] == [index.url]


# Private ones


async def test_a_private_index_gets_its_token_and_nobody_else_does(start: HostFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs, public = Index(), Index(), Index()
    doors = [Guarded(ours.app, "our secret"), Guarded(theirs.app, "their secret"), Guarded(public.app, None)]
    monkeypatch.setenv("THEIR_TOKEN", "their secret")
    async with served(doors[0]) as ours.url, served(doors[1]) as theirs.url, served(doors[2]) as public.url:
        settings: Json = {
            "index": ours.url,
            "index_token": SecretStr("our secret"),
            "sources": (SourceSettings(url=theirs.url, token_env="THEIR_TOKEN"),),
            "origins": (OriginSettings(url=public.url, private=True),),
        }
        async with start(**settings, poll=3600) as host:
            elsewhere = hello("1.0", name="elsewhere")
            public.publish(elsewhere)

            async def listens() -> bool:
                return bool(ours.asked["events"])

            await ours.tell()
            await host.operate("POST", "/api/sources/refresh")
            await host.until(listens, "the stream is let in, too")
            ours.publish(hello("1.0"))
            await ours.say(ours.entry(hello("1.0")), public.entry(elsewhere))
            await host.until_serving("hello", "1.0")
            await host.until_serving("elsewhere", "1.0")
            theirs.publish(hello("1.0", name="other"))
            await host.install("other", project="acme-other")
    assert doors[0].brought == {"Bearer our secret"}
    assert doors[1].brought == {"Bearer their secret"}
    assert doors[2].brought == {None}


async def test_a_private_index_without_its_token(start: HostFactory, index: Index) -> None:
    private = Index()
    async with served(Guarded(private.app, "secret")) as private.url:
        sources = (SourceSettings(url=private.url, token_env="NOBODY_SET_THIS"),)
        async with start(sources=sources) as host:
            await one_serves(host, index)
            await until_problem(host, "HTTP 401", private.url)
            await one_still_serves(host)


# Folders and plain indexes


async def test_a_folder_of_wheels_is_a_list(start: HostFactory, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    async with start(index=None, sources=(SourceSettings(url=str(folder), kind="folder"),)) as host:
        for built in (hello("1.0"), hello("1.1"), hello("1.0", name="other")):
            built.write(folder)
        await host.until_serving("hello", "1.1")
        await host.until_serving("other", "1.0")

        newest = hello("1.2").write(folder)
        await host.until_serving("hello", "1.2")
        hello("1.2", says="the author's loop").write(folder)

        async def loops() -> bool:
            return bool((await host.get("/hello/")).json() == "the author's loop")

        await host.until(loops, "the changed wheel serves")
        broken_wheel("crc").write(folder)
        (folder / "torn-1.0-py3-none-any.whl").write_bytes(b"PK")
        await until_entries(host, {"torn-1.0-py3-none-any.whl": "is not a wheel"})
        broken = await host.until_status("broken", "failed")
        assert broken["error"]["code"] == "archive-refused"

        newest.unlink()
        await host.until_serving("hello", "1.1")
        (folder / "acme_other-1.0-py3-none-any.whl").unlink()
        await host.until_status("other", "absent")
        said = await source(host)
        assert (said["url"], said["kind"]) == (folder.as_uri(), "folder")


async def test_a_folder_with_a_list_of_its_own(start: HostFactory, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    for built in (hello("1.0"), hello("1.1"), hello("1.0", name="other")):
        built.write(folder / "deeper")
    entry = {"name": "hello", "remoteEntryUrl": f"deeper/{hello('1.0').filename}"}
    (folder / "plugins.json").write_text(json.dumps([entry]))
    async with start(index=None, sources=(SourceSettings(url=folder.as_uri(), kind="folder"),)) as host:
        await host.until_serving("hello", "1.0")
        assert await host.plugin("other") is None

        (folder / "plugins.json").write_text("[{")
        await until_problem(host, "not JSON")
        await one_still_serves(host)
        (folder / "plugins.json").write_text(json.dumps([{**entry, "remoteEntryUrl": f"deeper/{hello('1.1').filename}"}]))
        await host.until_serving("hello", "1.1")
        await until_well(host)


async def test_a_folder_that_is_not_there_and_comes(start: HostFactory, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    async with start(index=None, sources=(SourceSettings(url=str(folder), kind="folder"),)) as host:
        await until_problem(host, "No such file or directory")
        hello("1.0").write(folder)
        await host.until_serving("hello", "1.0")
        folder.rename(tmp_path / "gone")
        await until_problem(host, "No such file or directory")
        await one_still_serves(host)


async def test_a_plain_index_answers_installs_by_name_and_lists_nothing(start: HostFactory, index: Index) -> None:
    async with start(index=None, sources=(SourceSettings(url=f"{index.url}/simple/", kind="simple"),)) as host:
        index.publish(hello("1.0"), hello("1.1"), hello("1.0", name="other"))
        await until_well(host)
        assert (await host.ask("GET", "/api/plugins")).json()["plugins"] == []

        says = ("'hello'", "`plughost list`")
        await refused_operation(host, "POST", "/api/plugins", {"name": "hello"}, is_="404 plugin-unknown", says=says)
        operation = await host.install("hello", project="acme-hello", version="<1.1")
        assert operation["version"] == "1.0"
        await one_still_serves(host)
        upgraded = await host.operate("POST", "/api/plugins/hello/upgrade")
        assert upgraded["version"] == "1.1"
        assert (await host.get("/hello/")).json() == "1.1"


async def test_a_plain_index_that_is_down_is_told_to_who_asks(start: HostFactory, index: Index) -> None:
    async with start(index=None, sources=(SourceSettings(url=f"{index.url}/simple/", kind="simple"),)) as host:
        index.publish(hello("1.0"))
        index.page_status = 503
        says = ("did not answer: HTTP 503", "what runs keeps running")
        body = {"name": "hello", "project": "acme-hello"}
        await refused_operation(host, "POST", "/api/plugins", body, is_="502 source-unreachable", says=says)
        index.page_status = 200
        assert (await host.install("hello", project="acme-hello"))["version"] == "1.0"
