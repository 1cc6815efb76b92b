"""When registries are asked, in which order, and what is said when one does not answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from plugin_index.errors import UpstreamUnreachable
from plugin_index.storage.home import Home
from plugin_index.upstream import Chain, Pages
from plugin_index.upstream.asking import CAP
from plugin_index.upstream.pages import ABSENT, FRESH
from tests.index.program import chat
from tests.index.upstream.registry import JSON, Registry, bare
from tests.index.upstream.registry import registry as running_registry
from tests.net.servers import reply, serving

Opened = Callable[..., contextlib.AbstractAsyncContextManager[Pages]]
PAGE = "/simple/lib-one/"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Opened:
    """The pages of these registries, over one home."""

    @contextlib.asynccontextmanager
    async def pages(*urls: str) -> AsyncIterator[Pages]:
        chain = Chain.of(urls, bare(tmp_path))
        client = chain.client()
        async with Home.opened(tmp_path / "home") as storage:
            made = Pages(storage, client, chain.urls, clock=clock)
            yield made
            await made.close()
        await client.close()

    return pages


def offer(registry: Registry, *versions: str) -> None:
    registry.has(*(chat(version, project="lib-one", plugin=None) for version in versions))


async def versions(pages: Pages) -> list[str]:
    return [link.version for link in await pages.links("lib-one")]


async def test_a_page_is_asked_for_once_in_a_while_however_many_want_it(opened: Opened, registry: Registry, clock: Clock) -> None:
    offer(registry, "1.0")
    async with opened(registry.url) as pages:
        revisions = await asyncio.gather(*(pages.revision("lib-one") for _ in range(8)))
        assert len(set(revisions)) == 1
        clock.now += FRESH - 1
        await pages.revision("lib-one")
        assert registry.count(PAGE) == 1


@pytest.mark.parametrize("etags", [True, False])
async def test_a_page_that_did_not_change_keeps_its_revision(opened: Opened, registry: Registry, clock: Clock, *, etags: bool) -> None:
    offer(registry, "1.0")
    registry.etags = etags
    async with opened(registry.url) as pages:
        first = await pages.revision("lib-one")
        clock.now += FRESH
        assert await pages.revision("lib-one") == first
        assert registry.count(PAGE) == 2
        assert ("if-none-match" in registry.asked[-1].headers) == etags

        offer(registry, "2.0")
        clock.now += FRESH
        assert await pages.revision("lib-one") != first
        assert await versions(pages) == ["2.0", "1.0"]


async def test_a_registry_that_does_not_answer_is_no_reason_to_forget_what_it_said(
    opened: Opened, registry: Registry, clock: Clock
) -> None:
    offer(registry, "1.0")
    async with opened(registry.url) as pages:
        first = await pages.revision("lib-one")
        registry.down = True
        clock.now += FRESH
        assert await pages.revision("lib-one") == first
    async with opened(registry.url) as pages:
        assert await pages.revision("lib-one") is not None
        assert await versions(pages) == ["1.0"]


async def test_a_project_of_which_nobody_says_anything_is_not_called_unknown(opened: Opened, registry: Registry) -> None:
    registry.down = True
    async with opened(registry.url) as pages:
        with pytest.raises(UpstreamUnreachable, match="HTTP 503"):
            await pages.revision("lib-one")
        registry.down = False
        offer(registry, "1.0")
        assert await pages.revision("lib-one") is not None


async def test_a_project_that_nobody_has_is_asked_for_again_soon(opened: Opened, registry: Registry, clock: Clock) -> None:
    async with opened(registry.url) as pages:
        assert [await pages.revision("lib-one") for _ in range(3)] == [None] * 3
        assert registry.count(PAGE) == 1
        offer(registry, "1.0")
        clock.now += ABSENT
        assert await pages.revision("lib-one") is not None


async def test_a_project_that_is_gone_is_gone(opened: Opened, registry: Registry, clock: Clock) -> None:
    offer(registry, "1.0")
    async with opened(registry.url) as pages:
        await pages.revision("lib-one")
        del registry.pages["lib-one"]
        clock.now += FRESH
        assert await pages.revision("lib-one") is None
        assert await versions(pages) == []


async def test_the_first_registry_that_has_a_project_answers_for_it(opened: Opened, registry: Registry) -> None:
    async with running_registry() as second, opened(registry.url, second.url) as pages:
        offer(second, "1.0", "9.0")
        await pages.revision("lib-one")
        assert await versions(pages) == ["9.0", "1.0"]
        registry.has(chat("1.0", project="lib-two", plugin=None))
        second.has(chat("9.0", project="lib-two", plugin=None))
        await pages.revision("lib-two")
        assert [link.version for link in await pages.links("lib-two")] == ["1.0"]
        assert second.count("/simple/lib-two/") == 0


async def test_a_registry_that_does_not_answer_is_not_passed_over(opened: Opened, registry: Registry) -> None:
    registry.down = True
    async with running_registry() as second, opened(registry.url, second.url) as pages:
        offer(second, "9.0")
        with pytest.raises(UpstreamUnreachable):
            await pages.revision("lib-one")
        assert second.asked == []


@pytest.mark.parametrize("body", [b"{", b'{"files": 1}', b'{"files": [{"filename": 1, "url": ""}]}', b"[]", b"\xff"])
async def test_what_is_no_page_is_told_as_such(opened: Opened, body: bytes) -> None:
    async with serving(reply(body, Content_Type=JSON)) as server, opened(f"{server.url}/simple/") as pages:
        with pytest.raises(UpstreamUnreachable, match="no page of a package index"):
            await pages.revision("lib-one")


async def test_a_page_that_is_too_large_is_refused(opened: Opened) -> None:
    async with serving(reply(b" " * (CAP + 1), Content_Type=JSON)) as server, opened(f"{server.url}/simple/") as pages:
        with pytest.raises(UpstreamUnreachable, match="is larger than"):
            await pages.revision("lib-one")


async def test_a_folder_of_this_machine_is_a_registry_too(opened: Opened, tmp_path: Path) -> None:
    built = chat("1.0", project="lib-one", plugin=None)
    folder = tmp_path / "folder of wheels" / "lib-one"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(f'<a href="{built.filename}#sha256={built.sha256}">{built.filename}</a>')
    async with opened(folder.parent.as_uri()) as pages:
        await pages.revision("lib-one")
        assert await versions(pages) == ["1.0"]
        assert await pages.revision("lib-two") is None


async def test_an_index_that_is_its_own_registry_does_not_wait_for_itself(opened: Opened, registry: Registry) -> None:
    async with opened(registry.url) as pages:
        assert await pages.revision("lib-one") is None
        signature = registry.asked[-1].headers["via"]
        assert await pages.revision("lib-two", f"1.1 proxy, {signature}") is None
        assert await pages.revision("lib-three", "1.1 proxy") is None
        assert registry.asked[-1].headers["via"] == f"1.1 proxy, {signature}"
    assert registry.count("/simple/lib-two/") == 0
