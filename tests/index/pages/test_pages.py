"""`/`, `/projects/` and each project, as a browser gets them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest

from plughost.testing import wheel
from tests.index.pages.markup import Markup, all_resolve, page
from tests.index.pages.published import HOSTILE, described, does, publish, shop
from tests.index.program import ADMIN, PLUGIN, Program, chat, running

ROOT = Path(__file__).parents[3]
PATHS = ("/", "/projects/", "/projects/acme-chat/", "/projects/acme-words/")
STRANGE = ["", "%00", "%0d%0aX-Injected:%201", "..%2f..%2fetc", "%ff%fe", "%f0%9f%92%a9", "a" * 5000, "%22%3E%3Cscript%3E", "%", "{{7*7}}"]
STRICT = {
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


async def test_an_empty_index_says_what_to_do_first(index: Program, client: httpx.AsyncClient) -> None:
    words = (await page(client, "/")).words
    assert "Nothing is published yet" in words
    assert f"plugin-index token create --url {index.url}" in words


@pytest.mark.parametrize("path", ["/", "/projects/"])
async def test_every_link_of_an_empty_index_resolves(client: httpx.AsyncClient, path: str) -> None:
    assert await all_resolve(client, path)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("prefix", ["", "/registry/plugins"])
async def test_every_link_of_every_page_resolves_behind_any_prefix(client: httpx.AsyncClient, path: str, prefix: str) -> None:
    await shop(client)
    assert f"{prefix}/style.css" in await all_resolve(client, path, prefix)


async def test_the_list_says_what_is_enabled_how_and_who_uploaded(client: httpx.AsyncClient) -> None:
    await publish(client, described("1.0"), described("1.1"), wheel("acme-words", "1.0", {"acme_words.py": ""}))
    markup = await page(client, "/")
    assert "not enabled" in markup.words
    assert "by admin" in markup.words
    assert "Rooms to talk in." in markup.words
    assert "projects/acme-words/" in markup.links
    await does(client, "enable", "plugins/chat")
    assert "follows the newest" in (await page(client, "/")).words
    await does(client, "enable", "plugins/chat", version="==1.0")
    assert "held at ==1.0" in (await page(client, "/")).words


async def test_the_list_says_how_to_publish_here(index: Program, client: httpx.AsyncClient) -> None:
    words = (await page(client, "/")).words
    assert f"twine upload --repository-url {index.url}/legacy/" in words
    assert f"uv publish --publish-url {index.url}/legacy/" in words
    assert f"plughost serve --index {index.url}" in words


async def test_a_project_says_all_that_is_known(index: Program, client: httpx.AsyncClient) -> None:
    built = described("1.0")
    await publish(client, built, wheel("acme-words", "1.0", {"acme_words.py": ""}))
    markup = await page(client, "/projects/acme-chat/")
    for said in ("acme_chat:plugin", ">=3.11", built.sha256, built.filename, "by admin", "Apache-2.0", "chat, rooms", "It chats."):
        assert said in markup.words, said
    assert f"uv pip install --index {index.url}/simple/ acme-chat" in markup.words
    assert markup.link("Source") == "https://example.com/acme/chat"
    assert "../acme-words/" in markup.links
    assert f"../../files/{built.sha256}/{built.filename}" in markup.links


async def test_a_project_without_a_plugin_has_a_page_of_its_own(client: httpx.AsyncClient) -> None:
    await publish(client, wheel("acme-words", "1.0", {"acme_words.py": ""}))
    words = (await page(client, "/projects/acme-words/")).words
    assert "plughost serve" not in words
    assert "uv pip install" in words
    assert "It has none." in words


async def test_releases_come_newest_first_and_a_yanked_one_is_struck_through_with_its_reason(client: httpx.AsyncClient) -> None:
    await publish(client, *(chat(version) for version in ("1.9", "1.10", "1.2rc1", "1.2")))
    await does(client, "yank", "projects/acme-chat/1.2", reason="loses messages")
    text = (await client.get("/projects/acme-chat/")).text
    heads = [piece.partition("</h3>")[0] for piece in text.split("<h3>")[1:]]
    assert heads == ["1.10", "1.9", "<s>1.2</s>", "1.2rc1"]
    assert "loses messages" in text


async def test_of_a_release_with_one_yanked_file_only_the_file_is_struck(client: httpx.AsyncClient) -> None:
    good, bad = chat("1.0"), chat("1.0", tag="py2-none-any")
    await publish(client, good, bad)
    await does(client, "yank", "projects/acme-chat/1.0", filename=bad.filename, reason="it is old")
    markup = await page(client, "/projects/acme-chat/")
    assert ("s", {}) not in markup.tags
    assert markup.words.count("it is old") == 1


@pytest.mark.parametrize("verb", ["quarantine", "revoke"])
async def test_what_nobody_may_have_is_said_and_no_link(client: httpx.AsyncClient, verb: str) -> None:
    built = described("1.0", readme="# Buy this")
    await publish(client, built)
    await does(client, verb, "projects/acme-chat/1.0", reason="it steals")
    markup = await page(client, "/projects/acme-chat/")
    assert {"quarantine": "quarantined", "revoke": "revoked"}[verb] in markup.words
    assert "it steals" in markup.words
    assert "Buy this" not in markup.words
    assert not any(built.sha256 in link for link in markup.links)
    await all_resolve(client, "/projects/acme-chat/")
    await all_resolve(client, "/")


async def test_a_removed_file_is_said_and_no_link(client: httpx.AsyncClient) -> None:
    await publish(client, chat("1.0"), chat("2.0"))
    assert (await client.delete("/api/projects/acme-chat/2.0", params={"reason": "a mistake"})).is_success
    markup = await page(client, "/projects/acme-chat/")
    assert "removed" in markup.words
    assert "acme_chat-2.0-py3-none-any.whl" in markup.words
    await all_resolve(client, "/projects/acme-chat/")


async def test_a_name_that_is_not_normalised_is_redirected(client: httpx.AsyncClient) -> None:
    await publish(client, chat())
    for asked in ("Acme.Chat/", "acme_chat", "acme-chat"):
        answer = await client.get(f"/projects/{asked}?after=1.0")
        assert answer.status_code == 301
        there = await client.get(answer.url.join(answer.headers["location"]))
        assert there.status_code == 200
        assert there.url.path == "/projects/acme-chat/"
        assert there.url.query == b"after=1.0"


async def test_a_project_that_is_not_here_is_a_page_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/projects/%3Cscript%3E/")
    assert answer.status_code == 404
    markup = Markup(answer.text)
    markup.well_made()
    markup.inert()
    assert "<script>" in markup.words


@pytest.mark.parametrize("strange", STRANGE)
async def test_no_name_in_an_address_does_harm(client: httpx.AsyncClient, strange: str) -> None:
    await publish(client, chat())
    for path in (f"/?after={strange}", f"/projects/?after={strange}", f"/projects/acme-chat/?after={strange}"):
        await page(client, path)
    answer = await client.get(f"/projects/{strange}/", follow_redirects=True)
    assert answer.status_code == 404
    assert all("x-injected" not in each.headers for each in (answer, *answer.history))
    assert "<script" not in answer.text


@pytest.mark.parametrize("path", [*PATHS, "/projects/nope/", "/projects/Acme.Chat/", "/style.css", "/icon.svg", "/publish.sh"])
async def test_every_answer_has_the_strict_policy(client: httpx.AsyncClient, path: str) -> None:
    await shop(client)
    answer = await client.get(path)
    assert {name: answer.headers.get(name) for name in STRICT} == STRICT
    head = await client.head(path)
    assert (head.status_code, head.headers.get("etag"), head.content) == (answer.status_code, answer.headers.get("etag"), b"")


async def test_what_uploaders_and_operators_wrote_is_text(client: httpx.AsyncClient) -> None:
    await shop(client)
    token = (await client.post("/api/tokens", json={"name": HOSTILE, "actions": ["upload"]})).json()["token"]
    async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as uploader:
        form = {":action": "file_upload"}
        built = described("1.1", Summary=HOSTILE)
        files = {"content": (built.filename, built.data)}
        assert (await uploader.post("/legacy/", data=form, files=files, headers={"Authorization": f"Bearer {token}"})).is_success
    project, home = await page(client, "/projects/acme-chat/"), await page(client, "/")
    for words in (project.words, home.words):
        assert HOSTILE in words
    assert f"by {HOSTILE}" in project.words
    assert project.words.count(HOSTILE) >= 4


async def test_a_page_is_not_sent_again_until_something_changed(client: httpx.AsyncClient) -> None:
    await publish(client, chat())
    for path in PATHS[:3]:
        etag = (await client.get(path)).headers["etag"]
        again = await client.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get(path, headers={"If-None-Match": f'"{"0" * 64}"'})).status_code == 200
    etag = (await client.get("/projects/acme-chat/")).headers["etag"]
    await does(client, "enable", "plugins/chat")
    assert (await client.get("/projects/acme-chat/", headers={"If-None-Match": etag})).status_code == 200


async def test_a_page_shows_a_hundred_plugins_and_links_to_the_next(client: httpx.AsyncClient) -> None:
    plugins = {f"plugin-{number:03}": "acme_many:plugin" for number in range(201)}
    await publish(client, wheel("acme-many", "1.0", {"acme_many.py": PLUGIN}, plugins=plugins))
    path, seen = "/", []
    while path:
        markup = await page(client, path)
        seen += [name for name in plugins if f">{name}</a>" in markup.text]
        path = f"/{markup.link('More plugins')}" if ">More plugins</a>" in markup.text else ""
    assert seen == sorted(plugins)


async def test_a_page_shows_a_hundred_releases_and_links_to_the_older(client: httpx.AsyncClient) -> None:
    await publish(client, *(chat(f"1.{number}") for number in range(101)))
    first = await page(client, "/projects/acme-chat/")
    assert first.text.count("<details") == 100
    second = await page(client, f"/projects/acme-chat/{first.link('Older releases')}")
    assert "acme_chat-1.0-py3-none-any.whl" in second.words
    assert second.text.count("<details") == 1
    await all_resolve(client, "/projects/acme-chat/?after=1.1")


async def test_a_readme_that_takes_its_time_keeps_nobody_waiting(client: httpx.AsyncClient) -> None:
    long = "Title\n=====\n\n" + "*a* `b <https://example.com/>`__ |c|_ ``d`` " * 5000
    await publish(client, described(readme=long, kind="text/x-rst"))
    waiting = asyncio.create_task(client.get("/projects/acme-chat/"))
    assert (await client.get("/simple/acme-chat/")).status_code == 200
    assert not waiting.done()
    assert (await waiting).status_code == 200


async def test_a_private_index_shows_its_pages_to_readers_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "private", "--private") as program, httpx.AsyncClient(base_url=program.url, timeout=60) as stranger:
        for path in ("/", "/projects/", "/projects/acme-chat/", "/publish.sh"):
            assert (await stranger.get(path)).status_code == 401
        assert (await stranger.get("/", headers={"Authorization": f"Bearer {ADMIN}"})).status_code == 200


async def test_a_reader_who_is_limited_to_some_projects_sees_only_those(tmp_path: Path) -> None:
    async with running(tmp_path / "private", "--private") as program, httpx.AsyncClient(base_url=program.url, timeout=60) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        await publish(client, described(), *(wheel(name, "1.0", {f"{name}.py": ""}) for name in ("acme-words", "other-words")))
        body = {"name": "reader", "actions": ["read"], "projects": ["acme-c*", "other-*"]}
        client.headers["Authorization"] = f"Bearer {(await client.post('/api/tokens', json=body)).json()['token']}"
        for path in ("/", "/projects/", "/projects/acme-chat/"):
            markup = await page(client, path)
            assert "acme-chat" in markup.words
            assert not any(link.endswith("acme-words/") for link in markup.links)
        assert "other-words" in (await page(client, "/projects/")).words
        assert (await client.get("/projects/acme-words/")).status_code == 403


async def test_an_index_starts_without_what_only_pages_need() -> None:
    unwanted = "('jinja2', 'docutils', 'readme_renderer', 'comrak', 'nh3')"
    program = f"import sys, plugin_index.app; print([name for name in {unwanted} if name in sys.modules])"
    said = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", program], text=True)
    assert said.strip() == "[]"


async def test_the_project_as_a_wheel_carries_the_templates(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        names = set(archive.namelist())
    pages = ROOT / "plugin_index" / "pages"
    wanted = {file.name for file in pages.iterdir() if file.is_file()}
    assert {f"plugin_index/pages/{name}" for name in wanted} <= names
    assert {"home.html", "style.css", "icon.svg", "publish.sh"} <= wanted
