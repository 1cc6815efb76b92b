"""What every kind of source does alike: one suite against a list over HTTP, a list that is one file, a folder, and its own list.

The list sources stand on real bytes from a real server on a free port.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol

import pytest

from plughost.catalog import Answer, Catalog, FolderSource, ListSource, SimpleSource, Source
from plughost.errors import CatalogError, PluginUnknown, ProjectUnknown, ReleaseUnknown, SourceInvalid
from plughost.net.client import Client
from plughost.net.rules import Rules, own_origin
from plughost.testing import BuiltWheel, wheel

DEADLINE = 60


def built(name: str, version: str) -> BuiltWheel:
    return wheel(f"acme-{name}", version, {f"acme_{name}.py": ""}, plugins={name: f"acme_{name}:plugin"})


class Web:
    """Path → content type and bytes; an event stream for each path in `streams`, which says `changed` at each touch."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[str, bytes]] = {}
        self.stream = ""
        self._touched = threading.Condition()
        self._touches, self._ended = 0, False
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if request.path == self.stream:
            return self._tell(request)
        kind, body = self.pages.get(request.path, ("", b""))
        etag = f'"{hash(body)}"'
        same = bool(kind) and request.headers.get("If-None-Match") == etag
        request.send_response(304 if same else 200 if kind else 404)
        request.send_header("Content-Type", kind)
        request.send_header("ETag", etag)
        request.send_header("Content-Length", "0" if same else str(len(body)))
        if self.stream:
            request.send_header("Link", f'<{self.stream}>; rel="monitor"')
        request.end_headers()
        request.wfile.write(b"" if same else body)
        return None

    def touch(self) -> None:
        with self._touched:
            self._touches += 1
            self._touched.notify_all()

    def close(self) -> None:
        with self._touched:
            self._ended = True
            self._touched.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _tell(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "text/event-stream")
        request.end_headers()
        seen = 0
        while True:
            with self._touched:
                self._touched.wait_for(lambda seen=seen: self._ended or self._touches > seen)  # type: ignore[misc]  # seen is bound
                seen = self._touches
            if self._ended:
                return
            request.wfile.write(f"id: touch-{seen}\nevent: changed\ndata:\n\n".encode())
            request.wfile.flush()


class Kind(Protocol):
    """One kind of source, and who publishes to it."""

    source: Source

    def list(self, *wheels: BuiltWheel) -> None:
        """Have exactly these listed."""
        ...

    def spoil(self) -> None:
        """Have one entry too many, which is no right one."""
        ...

    def another(self, *, names: tuple[str, ...]) -> Source:
        """The same source, for some names only."""
        ...


class WebList:
    path, base = "/api/plugins/enabled", ""

    def __init__(self, web: Web, client: Client) -> None:
        self._web, self._client = web, client
        self._entries: list[object] = []
        self.source: Source = self.another(names=("*",))
        web.stream = "/api/plugins/events"
        self.list()

    def another(self, *, names: tuple[str, ...]) -> Source:
        return ListSource(f"{self._web.url}{self.base}", self._client, names=names)

    def list(self, *wheels: BuiltWheel) -> None:
        self._entries = [self._entry(file) for file in wheels]
        for file in wheels:
            self._publish(file)
        self._write()

    def spoil(self) -> None:
        self._entries.append({"name": "spoilt"})
        self._write()

    def _entry(self, file: BuiltWheel) -> object:
        return {"name": name_of(file), "remoteEntryUrl": f"/files/{file.filename}", "integrity": file.integrity}

    def _publish(self, file: BuiltWheel) -> None:
        row = {"filename": file.filename, "url": f"/files/{file.filename}", "hashes": {"sha256": file.sha256}}
        path = f"/simple/acme-{name_of(file)}/"
        before = json.loads(self._web.pages[path][1])["files"] if path in self._web.pages else []
        page = {"meta": {"api-version": "1.0"}, "files": [*before, row]}
        self._web.pages[path] = ("application/vnd.pypi.simple.v1+json", json.dumps(page).encode())
        project = {"name": name_of(file), "project": f"acme-{name_of(file)}"}
        self._web.pages[f"/api/plugins/{name_of(file)}"] = ("application/json", json.dumps(project).encode())

    def _write(self) -> None:
        self._web.pages[self.path] = ("application/json", json.dumps(self._entries).encode())
        self._web.touch()


class WebFile(WebList):
    path = base = "/mine.json"


class Wheels:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source: Source = self.another(names=("*",))

    def another(self, *, names: tuple[str, ...]) -> Source:
        return FolderSource(self.folder, names=names)

    def list(self, *wheels: BuiltWheel) -> None:
        for file in wheels:
            file.write(self.folder)
        for path in set(self.folder.glob("*.whl")) - {self.folder / file.filename for file in wheels}:
            path.unlink()

    def spoil(self) -> None:
        (self.folder / "spoilt-1.0-py3-none-any.whl").write_bytes(b"")


class FolderFile(Wheels):
    def list(self, *wheels: BuiltWheel) -> None:
        super().list(*wheels)
        self._entries: list[object] = [{"name": name_of(file), "remoteEntryUrl": file.filename} for file in wheels]
        self._write()

    def spoil(self) -> None:
        self._entries.append({"name": "spoilt"})
        self._write()

    def _write(self) -> None:
        (self.folder / "plugins.json").write_text(json.dumps(self._entries))


def name_of(file: BuiltWheel) -> str:
    return file.filename.split("-")[0].removeprefix("acme_")


@pytest.fixture
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.fixture
async def client(web: Web) -> AsyncIterator[Client]:
    client = Client(Rules([own_origin(web.url)]))
    yield client
    await client.close()


@pytest.fixture(params=["list", "list file", "folder", "folder list"])
def kind(request: pytest.FixtureRequest, tmp_path: Path, web: Web, client: Client) -> Kind:
    match request.param:
        case "list":
            return WebList(web, client)
        case "list file":
            return WebFile(web, client)
        case "folder":
            return Wheels(tmp_path)
        case _:
            return FolderFile(tmp_path)


async def listed(source: Source) -> Answer:
    answer = await source.poll()
    assert answer is not None
    return answer


async def test_what_is_published_is_listed_with_its_hash(kind: Kind) -> None:
    chat = built("chat", "1.0")
    kind.list(chat)

    answer = await listed(kind.source)

    (listing,) = answer.listings
    assert (listing.name, listing.version, listing.source) == ("chat", "1.0", kind.source.url)
    assert [(file.filename, file.sha256) for file in listing.wheels] == [(chat.filename, chat.sha256)]
    assert listing.index == kind.source.index
    assert answer.problems == ()


async def test_nothing_listed_is_an_answer(kind: Kind) -> None:
    kind.list()

    assert (await listed(kind.source)).listings == ()


async def test_an_answer_comes_once_until_something_changes(kind: Kind) -> None:
    kind.list(built("chat", "1.0"))
    await listed(kind.source)

    assert await kind.source.poll() is None
    kind.list(built("chat", "2.0"), built("news", "1.0"))
    assert {listing.name: listing.version for listing in (await listed(kind.source)).listings} == {"chat": "2.0", "news": "1.0"}
    kind.list()
    assert (await listed(kind.source)).listings == ()


async def test_one_bad_entry_does_not_hold_up_the_good_ones(kind: Kind) -> None:
    kind.list(built("chat", "1.0"), built("news", "1.0"))
    kind.spoil()

    answer = await listed(kind.source)

    assert {listing.name for listing in answer.listings} == {"chat", "news"}
    assert len(answer.problems) == 1
    assert answer.problems[0].name.startswith("spoilt")


async def test_where_no_entry_is_right_nothing_is_known_until_one_is(kind: Kind) -> None:
    kind.list()
    kind.spoil()

    for _ in range(2):
        with pytest.raises(SourceInvalid):
            await kind.source.poll()
    kind.list(built("chat", "1.0"))
    assert [listing.name for listing in (await listed(kind.source)).listings] == ["chat"]


async def test_a_source_hears_only_the_names_it_is_allowed(kind: Kind) -> None:
    kind.list(built("chat", "1.0"), built("news", "1.0"))
    kind.spoil()

    answer = await listed(kind.another(names=("new?", "other")))

    assert [listing.name for listing in answer.listings] == ["news"]


async def test_a_change_is_told_where_the_source_can_tell(kind: Kind) -> None:
    kind.list(built("chat", "1.0"))
    await listed(kind.source)
    changes = kind.source.changes()

    kind.list(built("chat", "2.0"))
    async with asyncio.timeout(DEADLINE):
        await anext(changes)

    assert [listing.version for listing in (await listed(kind.source)).listings] == ["2.0"]
    await changes.aclose()  # type: ignore[attr-defined]  # an async generator


async def test_a_listed_release_is_found_by_name(kind: Kind) -> None:
    chat = built("chat", "1.5")
    kind.list(chat, built("news", "1.0"))

    found = await kind.source.find("chat", project=None, specifier=">=1,<2")

    assert (found.name, found.version, found.source) == ("chat", "1.5", kind.source.url)
    assert [(file.filename, file.sha256) for file in found.wheels] == [(chat.filename, chat.sha256)]


async def test_a_release_that_is_not_there_is_told_with_what_is(kind: Kind) -> None:
    kind.list(built("chat", "1.5"))

    with pytest.raises(ReleaseUnknown) as refused:
        await kind.source.find("chat", project=None, specifier="2.0")

    assert refused.value.present == ["1.5"]


async def test_a_plugin_that_is_not_there_is_unknown(kind: Kind) -> None:
    kind.list(built("chat", "1.0"))

    with pytest.raises((PluginUnknown, ProjectUnknown)):
        await kind.source.find("nope", project=None, specifier="")
    with pytest.raises(PluginUnknown):
        await Catalog([kind.source]).find("nope", project=None, specifier="")


async def test_every_kind_takes_its_part_among_several(kind: Kind, tmp_path: Path) -> None:
    kind.list(built("chat", "1.0"))
    other = tmp_path / "other"
    built("chat", "2.0").write(other)
    built("news", "2.0").write(other)
    catalog = Catalog([kind.source, FolderSource(other)])

    assert (await catalog.find("chat", project=None, specifier="")).version == "1.0"
    assert (await catalog.find("news", project=None, specifier="")).version == "2.0"


async def test_an_index_answers_by_name_and_lists_nothing(web: Web, client: Client) -> None:
    publisher = WebList(web, client)
    publisher.list(built("chat", "1.0"), built("chat", "2.0a1"))
    source: Source = SimpleSource(f"{web.url}/simple/", client)

    assert (await listed(source)).listings == ()
    assert (await source.find("chat", project="acme-chat", specifier="")).version == "1.0"
    with pytest.raises(ProjectUnknown):
        await source.find("chat", project=None, specifier="")


async def test_a_source_that_is_down_is_a_catalog_error(kind: Kind, web: Web, tmp_path: Path) -> None:
    gone: list[Source] = [FolderSource(tmp_path / "gone")]
    client = Client(Rules([own_origin(web.url)]))
    web.pages.clear()
    gone.append(ListSource(f"{web.url}/gone.json", client))

    for source in gone:
        with pytest.raises(CatalogError):
            await source.poll()
    await client.close()
