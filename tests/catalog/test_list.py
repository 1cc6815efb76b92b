from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from plughost.catalog import ListSource, ask
from plughost.errors import (
    CatalogError,
    NameInvalid,
    PluginUnknown,
    ProjectUnknown,
    ReleaseUnknown,
    SourceInvalid,
    SourceUnreachable,
)
from plughost.net.client import Client
from plughost.net.rules import Origin, Rules, own_origin
from plughost.testing import wheel

if TYPE_CHECKING:
    from tests.catalog.conftest import Site

LIST = "/api/plugins/enabled"
CHAT = wheel("acme-chat", "1.2.0", {"acme_chat.py": ""})
DEADLINE = 60


def entry(name: str = "chat", **rest: object) -> dict[str, object]:
    return {"name": name, "remoteEntryUrl": f"/files/{CHAT.filename}", "integrity": CHAT.integrity} | rest


def simple_page(sha256: str) -> dict[str, object]:
    return {"meta": {"api-version": "1.0"}, "files": [{"filename": CHAT.filename, "url": "x", "hashes": {"sha256": sha256}}]}


async def test_the_list_is_read_at_its_place_and_urls_are_relative_to_it(site: Site, client: Client) -> None:
    site.put(f"/index{LIST}", [entry(remoteEntryUrl=f"../../files/{CHAT.filename}")])
    source = ListSource(f"{site.url}/index/", client)

    answer = await source.poll()

    assert answer is not None
    (listing,) = answer.listings
    assert listing.wheels[0].url == f"{site.url}/index/files/{CHAT.filename}"
    assert (listing.source, listing.index) == (f"{site.url}/index/", f"{site.url}/index/simple/")
    assert answer.etag is not None
    assert site.paths() == [f"/index{LIST}"]


async def test_an_unchanged_list_is_not_sent_again(site: Site, client: Client) -> None:
    site.put(LIST, [entry()])
    source = ListSource(site.url, client)
    first = await source.poll()

    assert await source.poll() is None
    assert first is not None
    assert site.asked[-1].headers["if-none-match"] == first.etag
    site.put(LIST, [])
    changed = await source.poll()
    assert changed is not None
    assert changed.listings == ()


async def test_an_entry_that_is_wrong_is_told_beside_the_good_ones(site: Site, client: Client) -> None:
    site.put(LIST, [entry(), entry("Bad Name"), {"name": "news"}])

    answer = await ListSource(site.url, client).poll()

    assert answer is not None
    assert [listing.name for listing in answer.listings] == ["chat"]
    assert [problem.name for problem in answer.problems] == ["Bad Name", "news"]


async def test_a_source_hears_only_the_names_it_is_allowed(site: Site, client: Client) -> None:
    site.put(LIST, [entry("acme-chat"), entry("acme-news"), entry("other")])

    answer = await ListSource(site.url, client, names=["acme-*", "none"]).poll()

    assert answer is not None
    assert [listing.name for listing in answer.listings] == ["acme-chat", "acme-news"]
    assert answer.problems == ()


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"[", 200, SourceInvalid),
        (b"{}", 200, SourceInvalid),
        (b'[{"name": "chat"}]', 200, SourceInvalid),
        (b"[]", 404, SourceInvalid),
        (b"[]", 401, SourceInvalid),
        (b"[]", 500, SourceUnreachable),
        (b"[]", 503, SourceUnreachable),
    ],
)
async def test_a_broken_answer_is_a_catalog_error_and_the_next_one_counts(
    site: Site, client: Client, body: bytes, status: int, error: type[CatalogError]
) -> None:
    source = ListSource(site.url, client)
    site.put(LIST, [entry()])
    await source.poll()
    site.page(LIST, body, "application/json", status=status)

    with pytest.raises(error):
        await source.poll()

    site.put(LIST, [])
    answer = await source.poll()
    assert answer is not None
    assert answer.listings == ()


async def test_a_list_that_never_was_there_is_a_catalog_error(site: Site, client: Client) -> None:
    with pytest.raises(SourceInvalid, match="404"):
        await ListSource(site.url, client).poll()


async def test_more_than_sixteen_mebibytes_are_not_read(site: Site, client: Client) -> None:
    site.page(LIST, b"[" + b" " * ask.CAP + b"]", "application/json")

    with pytest.raises(SourceInvalid, match="16 MiB"):
        await ListSource(site.url, client).poll()


async def test_a_list_that_does_not_end_is_given_up(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "DEADLINE", 0.3)
    site.hang(LIST, b"[")

    with pytest.raises(SourceUnreachable):
        await ListSource(site.url, client).poll()


async def test_an_index_that_is_down_is_a_catalog_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        client = Client(Rules([own_origin(url)]))
        with pytest.raises(SourceUnreachable):
            await ListSource(url, client).poll()
        await client.close()


async def test_a_redirect_to_a_stranger_is_not_followed(site: Site, client: Client) -> None:
    site.redirect(LIST, "https://elsewhere.example.com/list.json")

    with pytest.raises(CatalogError, match=r"elsewhere\.example\.com"):
        await ListSource(site.url, client).poll()


async def test_a_private_index_gets_its_token(site: Site) -> None:
    site.put(LIST, [entry()], token="secret")
    client = Client(Rules([own_origin(site.url)]), tokens={Origin.of(site.url): "secret"})

    answer = await ListSource(site.url, client).poll()

    assert answer is not None
    assert site.asked[0].headers["authorization"] == "Bearer secret"
    await client.close()


async def test_a_hash_that_is_left_out_is_asked_of_the_index(site: Site, client: Client) -> None:
    site.put(LIST, [entry(integrity=None), entry("told")])
    site.put("/simple/acme-chat/", simple_page("ab" * 32))

    answer = await ListSource(site.url, client).poll()

    assert answer is not None
    assert {listing.name: listing.wheels[0].sha256 for listing in answer.listings} == {"chat": "ab" * 32, "told": CHAT.sha256}
    assert site.paths() == [LIST, "/simple/acme-chat/"]


async def test_a_hash_that_nobody_knows_stays_unknown(site: Site, client: Client) -> None:
    site.put(LIST, [entry(integrity=None)])

    answer = await ListSource(site.url, client).poll()

    assert answer is not None
    assert answer.listings[0].wheels[0].sha256 is None
    assert answer.problems == ()


async def test_a_hash_that_cannot_be_asked_for_is_a_problem_and_asked_for_again(site: Site, client: Client) -> None:
    site.put(LIST, [entry(integrity=None), entry("told")])
    site.page("/simple/acme-chat/", b"", "text/plain", status=403)
    source = ListSource(site.url, client)

    first = await source.poll()
    site.put("/simple/acme-chat/", simple_page("ab" * 32))
    second = await source.poll()

    assert first is not None
    assert [listing.name for listing in first.listings] == ["told"]
    assert [problem.name for problem in first.problems] == ["chat"]
    assert second is not None
    assert {listing.name for listing in second.listings} == {"chat", "told"}


async def test_a_list_that_is_a_file_has_no_index_but_the_one_it_names(site: Site, client: Client) -> None:
    site.put("/lists/mine.json", [entry(), entry("news", integrity=None, index="/simple/")])
    site.put("/simple/acme-chat/", simple_page("cd" * 32))
    source = ListSource(f"{site.url}/lists/mine.json", client)

    answer = await source.poll()

    assert source.index is None
    assert answer is not None
    chat, news = answer.listings
    assert (chat.index, news.index, news.wheels[0].sha256) == (None, f"{site.url}/simple/", "cd" * 32)


# Change streams


def event(number: str, name: str = "changed") -> bytes:
    return f"id: {number}\nevent: {name}\ndata:\n\n".encode()


async def test_a_change_is_told_by_the_stream_that_the_list_names(site: Site, client: Client) -> None:
    site.put(LIST, [entry()], link='</next>; rel=next, </api/plugins/events>; rel="monitor"')
    stream = site.stream("/api/plugins/events")
    source = ListSource(site.url, client)
    answer = await source.poll()
    assert answer is not None
    assert answer.etag is not None

    changes = source.changes()
    stream.put_nowait(b": still here\n\n" + event(answer.etag) + event('"other"'))
    async with asyncio.timeout(DEADLINE):
        await anext(changes)
        stream.put_nowait(event('"third"'))
        await anext(changes)

    assert site.asked[-1].path == "/api/plugins/events"
    assert site.asked[-1].headers["last-event-id"] == answer.etag
    await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_what_the_list_says_already_is_no_change(site: Site, client: Client) -> None:
    site.put(LIST, [entry()], link='</api/plugins/events>; rel="monitor"')
    stream = site.stream("/api/plugins/events")
    source = ListSource(site.url, client)
    answer = await source.poll()
    assert answer is not None
    assert answer.etag is not None

    stream.put_nowait(event(answer.etag) * 3)
    stream.put_nowait(None)
    async with asyncio.timeout(DEADLINE):
        with pytest.raises(SourceUnreachable):
            await anext(source.changes())


async def test_a_stream_that_breaks_is_a_catalog_error(site: Site, client: Client) -> None:
    site.put(LIST, [entry()], link="</api/plugins/events>;rel=monitor")
    stream = site.stream("/api/plugins/events")
    source = ListSource(site.url, client)
    await source.poll()
    changes = source.changes()
    stream.put_nowait(event('"other"'))

    async with asyncio.timeout(DEADLINE):
        await anext(changes)
        site.hang_up()
        with pytest.raises(CatalogError):
            await anext(changes)


@pytest.mark.parametrize("link", ["", "</x>; rel=next", "</x>; title=monitor", "nonsense"])
async def test_a_list_that_names_no_stream_tells_of_no_change(site: Site, client: Client, link: str) -> None:
    site.put(LIST, [entry()], link=link)
    source = ListSource(site.url, client)
    before = [change async for change in source.changes()]
    await source.poll()

    assert [*before, *[change async for change in source.changes()]] == []


# Installs by name


async def test_the_index_says_which_project_carries_a_plugin(site: Site, client: Client) -> None:
    site.put("/api/plugins/chat", {"name": "chat", "project": "acme-chat", "releases": []})
    site.put("/simple/acme-chat/", simple_page("ab" * 32))

    listing = await ListSource(site.url, client).find("chat", project=None, specifier="1.2.0")

    assert (listing.name, listing.project, listing.version) == ("chat", "acme-chat", "1.2.0")
    assert (listing.source, listing.index) == (site.url, f"{site.url}/simple/")


@pytest.mark.parametrize(("status", "body"), [(404, b""), (405, b""), (200, b"<html>"), (200, b'{"project": 7}')])
async def test_where_the_index_does_not_say_the_project_has_the_plugins_name(site: Site, client: Client, status: int, body: bytes) -> None:
    site.page("/api/plugins/acme-chat", body, "application/json", status=status)
    site.put("/simple/acme-chat/", simple_page("ab" * 32))

    assert (await ListSource(site.url, client).find("acme-chat", project=None, specifier="")).project == "acme-chat"


async def test_a_project_that_is_asked_for_is_not_looked_up(site: Site, client: Client) -> None:
    site.put("/simple/acme-chat/", simple_page("ab" * 32))

    await ListSource(site.url, client).find("chat", project="acme-chat", specifier="")

    assert site.paths() == ["/simple/acme-chat/"]


async def test_a_plugin_that_the_index_does_not_know_is_an_unknown_project(site: Site, client: Client) -> None:
    with pytest.raises(ProjectUnknown):
        await ListSource(site.url, client).find("nope", project=None, specifier="")


async def test_an_index_that_is_down_is_not_an_unknown_plugin(site: Site, client: Client) -> None:
    site.page("/api/plugins/chat", b"", "text/plain", status=500)

    with pytest.raises(SourceUnreachable):
        await ListSource(site.url, client).find("chat", project=None, specifier="")


async def test_a_name_that_is_no_plugins_asks_nothing(site: Site, client: Client) -> None:
    with pytest.raises(NameInvalid):
        await ListSource(site.url, client).find("../chat", project=None, specifier="")

    assert site.asked == []


async def test_a_list_without_an_index_answers_with_its_entries(site: Site, client: Client) -> None:
    site.put("/mine.json", [entry()])
    source = ListSource(f"{site.url}/mine.json", client)

    assert (await source.find("chat", project=None, specifier=">=1")).wheels[0].sha256 == CHAT.sha256
    with pytest.raises(ReleaseUnknown, match=r"1\.2\.0"):
        await source.find("chat", project=None, specifier="2.0")
    with pytest.raises(PluginUnknown):
        await source.find("news", project=None, specifier="")
