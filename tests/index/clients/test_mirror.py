"""A mirror of 200 projects with ten files each: every link resolves, every hash is right, HTML and JSON agree."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel, wheel
from tests.index.clients.crawl import HTML, JSON, Link, links_of_html, links_of_json, projects_of_html, projects_of_json
from tests.index.program import ADMIN, running

PROJECTS = [f"mirrored-{number:03}" for number in range(200)]
VERSIONS = ("0.9", "1.0rc1", "1.0", "1.1", "2.0")
TAGS = ("py3-none-any", "py311-none-any")
PYTHON = "!=3.9.1,>=3.8"
REASON = 'it <b>breaks</b> "1 & 2"'
AT_ONCE = 8


def wheels_of(project: str) -> Iterator[BuiltWheel]:
    """Ten wheels; half of them say for which Python."""
    for version in VERSIONS:
        for tag in TAGS:
            python = None if tag == TAGS[0] else PYTHON
            yield wheel(project, version, {f"{project.replace('-', '_')}.py": f"VERSION = '{version}'\n"}, tag=tag, requires_python=python)


async def for_all(job: Callable[[str], Awaitable[None]]) -> None:
    """The job for each project, a few at once; the first failure ends all."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(project: str) -> None:
        async with gate:
            await job(project)

    async with asyncio.TaskGroup() as group:
        for project in PROJECTS:
            group.create_task(one(project))


async def publish(client: httpx.AsyncClient, project: str) -> None:
    for built in wheels_of(project):
        form = {":action": "file_upload", "sha256_digest": built.sha256}
        (await client.post("/legacy/", data=form, files={"content": (built.filename, built.data)})).raise_for_status()


@pytest.fixture
async def mirrored(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an index with all projects; of each tenth a release is yanked."""
    async with (
        running(tmp_path / "home") as program,
        httpx.AsyncClient(base_url=program.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60) as client,
    ):
        await for_all(lambda project: publish(client, project))
        for project in PROJECTS[::10]:
            (await client.post(f"/api/projects/{project}/1.1/yank", json={"reason": REASON})).raise_for_status()
        yield client


async def page(client: httpx.AsyncClient, path: str, kind: str) -> httpx.Response:
    """A page that is the same by HEAD, and unchanged when it is asked for again."""
    answer = (await client.get(path, headers={"Accept": kind})).raise_for_status()
    again = await client.get(path, headers={"Accept": kind, "If-None-Match": answer.headers["etag"]})
    head = await client.head(path, headers={"Accept": kind})
    assert answer.headers["content-type"].startswith(kind)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", answer.headers["etag"])
    return answer


async def follow(client: httpx.AsyncClient, link: Link, built: BuiltWheel, size: int) -> None:
    """The file and its METADATA are what the page promises."""
    file, metadata = await client.get(link.url), await client.get(f"{link.url}.metadata")
    assert file.content == built.data
    assert (hashlib.sha256(file.content).hexdigest(), len(file.content)) == (link.sha256, size)
    assert hashlib.sha256(metadata.content).hexdigest() == link.metadata_sha256


async def unchanged(client: httpx.AsyncClient, url: str) -> None:
    """What has been fetched once is for ever, and not sent again."""
    answer = await client.get(url)
    assert "immutable" in answer.headers["cache-control"]
    assert (await client.get(url, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def check(client: httpx.AsyncClient, project: str) -> None:
    path = f"/simple/{project}/"
    told, marked = await page(client, path, JSON), await page(client, path, HTML)
    links = links_of_json(told.text, str(told.url))
    built: Mapping[str, BuiltWheel] = {each.filename: each for each in wheels_of(project)}
    assert links == links_of_html(marked.text, str(marked.url))
    assert told.headers["etag"] != marked.headers["etag"]
    assert sorted(link.filename for link in links) == sorted(built)
    assert {link.requires_python for link in links} == {None, PYTHON}
    assert {link.filename.split("-")[1]: link.yanked for link in links if link.yanked is not None} == (
        {"1.1": REASON} if project in PROJECTS[::10] else {}
    )
    for link, file in zip(links, told.json()["files"], strict=True):
        await follow(client, link, built[link.filename], file["size"])
    await unchanged(client, links[0].url)
    await unchanged(client, f"{links[0].url}.metadata")


async def test_every_link_resolves_every_hash_is_right_and_html_and_json_agree(mirrored: httpx.AsyncClient) -> None:
    told, marked = await page(mirrored, "/simple/", JSON), await page(mirrored, "/simple/", HTML)
    assert projects_of_json(told.text) == projects_of_html(marked.text) == PROJECTS
    await for_all(lambda project: check(mirrored, project))
