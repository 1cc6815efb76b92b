from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pytest

from plughost.catalog import Answer, SimpleSource
from plughost.errors import NameInvalid, ProjectUnknown, ReleaseUnknown, RequestInvalid, SourceInvalid, SourceUnreachable
from plughost.model.plugin import Listing, PluginName, WheelFile
from plughost.net.client import Client

if TYPE_CHECKING:
    from tests.catalog.conftest import Site

JSON = "application/vnd.pypi.simple.v1+json"


def file(version: str, *, project: str = "acme_chat", tag: str = "py3-none-any", **rest: object) -> dict[str, object]:
    filename = f"{project}-{version}-{tag}.whl"
    return {"filename": filename, "url": f"../../files/{filename}", "hashes": {"sha256": "aa"}} | rest


def page(site: Site, *files: Mapping[str, object], project: str = "acme-chat") -> None:
    document = {"meta": {"api-version": "1.1"}, "name": project, "files": files, "versions": []}
    site.put(f"/simple/{project}/", document, content_type=JSON)


async def find(site: Site, client: Client, specifier: str = "", project: str | None = "Acme.Chat") -> Listing:
    return await SimpleSource(f"{site.url}/simple", client).find("chat", project=project, specifier=specifier)


async def test_an_index_lists_nothing(site: Site, client: Client) -> None:
    source = SimpleSource(f"{site.url}/simple/", client)

    assert await source.poll() == Answer(listings=())
    assert [change async for change in source.changes()] == []
    assert site.asked == []


async def test_the_newest_release_is_found(site: Site, client: Client) -> None:
    page(site, file("1.2.0"), file("1.10.0"), file("1.9.0"))

    listing = await find(site, client)

    name = "acme_chat-1.10.0-py3-none-any.whl"
    assert listing == Listing(
        name=PluginName("chat"),
        version="1.10.0",
        wheels=(WheelFile(url=f"{site.url}/files/{name}", filename=name, sha256="aa"),),
        project="acme-chat",
        source=f"{site.url}/simple",
        index=f"{site.url}/simple/",
    )
    assert site.asked[0].headers["accept"].startswith(JSON)


@pytest.mark.parametrize(
    ("specifier", "version"),
    [
        ("", "2.0"),
        ("1.0", "1.0"),
        ("<2", "1.5"),
        (">=1.1,<1.5", "1.2"),
        ("3.0a1", "3.0a1"),
        (">=3.0a0", "3.0a1"),
        ("~=1.0", "1.5"),
        (" 1.2 ", "1.2"),
    ],
)
async def test_a_specifier_chooses_as_pip_does(site: Site, client: Client, specifier: str, version: str) -> None:
    page(site, *map(file, ["1.0", "1.2", "1.5", "2.0", "3.0a1"]))

    assert (await find(site, client, specifier)).version == version


async def test_a_pre_release_is_taken_where_there_is_nothing_else(site: Site, client: Client) -> None:
    page(site, file("1.0a1"), file("1.0a2"))

    assert (await find(site, client)).version == "1.0a2"


async def test_a_yanked_release_is_never_chosen(site: Site, client: Client) -> None:
    page(site, file("1.0"), file("1.1", yanked="broken"), file("1.2", yanked=True), file("1.3", yanked="old"))

    assert (await find(site, client)).version == "1.0"
    with pytest.raises(ReleaseUnknown) as refused:
        await find(site, client, "1.1")

    assert refused.value.present == ["1.3 (yanked)", "1.2 (yanked)", "1.1 (yanked)", "1.0"]


async def test_a_release_that_is_said_not_to_be_yanked_is_chosen(site: Site, client: Client) -> None:
    page(site, file("1.0"), file("1.1", yanked=""), file("1.2", yanked=None), file("1.3", yanked=False))

    assert (await find(site, client)).version == "1.3"
    assert (await find(site, client, "1.1")).version == "1.1"


async def test_a_release_for_another_python_is_not_chosen(site: Site, client: Client) -> None:
    page(site, file("1.0"), file("2.0", tag="cp38-cp38-win32"), file("3.0", **{"requires-python": ">=99"}))

    assert (await find(site, client)).version == "1.0"
    with pytest.raises(ReleaseUnknown, match=r"3\.0 \(not for this Python or platform\), 2\.0 \(not .*\), 1\.0$"):
        await find(site, client, ">=2")


async def test_a_requires_python_that_is_none_forbids_nothing(site: Site, client: Client) -> None:
    page(site, file("1.0", **{"requires-python": "three"}))

    assert (await find(site, client)).version == "1.0"


async def test_of_several_wheels_the_one_that_fits_best_comes_first(site: Site, client: Client) -> None:
    page(site, file("1.0"), file("1.0", tag="1-py3-none-any"), file("1.0", tag="cp38-cp38-win32"))

    wheels = (await find(site, client)).wheels

    assert [wheel.filename for wheel in wheels] == ["acme_chat-1.0-1-py3-none-any.whl", "acme_chat-1.0-py3-none-any.whl"]


async def test_what_is_no_wheel_of_the_project_is_passed_over(site: Site, client: Client) -> None:
    sdist = {"filename": "acme_chat-9.0.tar.gz", "url": "x"}
    page(site, file("1.0"), file("7.0", project="other"), sdist, {"filename": "old-name.whl", "url": "y"})

    assert (await find(site, client)).version == "1.0"


async def test_a_project_of_source_archives_has_no_release(site: Site, client: Client) -> None:
    page(site, {"filename": "acme_chat-9.0.tar.gz", "url": "x"})

    with pytest.raises(ReleaseUnknown, match="none that this Python can run"):
        await find(site, client)


async def test_the_project_is_the_one_of_the_plugins_name_where_none_is_said(site: Site, client: Client) -> None:
    page(site, file("1.0", project="chat"), project="chat")

    assert (await find(site, client, project=None)).project == "chat"


async def test_an_unknown_project_is_named(site: Site, client: Client) -> None:
    with pytest.raises(ProjectUnknown, match=f"'acme'.*{site.url}/simple/"):
        await find(site, client, project="acme")


async def test_what_is_no_specifier_is_refused_before_anything_is_asked(site: Site, client: Client) -> None:
    with pytest.raises(RequestInvalid, match="PEP 440"):
        await find(site, client, "newest")

    assert site.asked == []


async def test_a_name_that_is_no_plugins_is_refused_before_anything_is_asked(site: Site, client: Client) -> None:
    with pytest.raises(NameInvalid):
        await SimpleSource(site.url, client).find("../x", project=None, specifier="")

    assert site.asked == []


async def test_a_page_in_html_is_read_too(site: Site, client: Client) -> None:
    html = """<!DOCTYPE html><html><body><h1>Links</h1><a name="no link">x</a>
      <a href="/f/acme_chat-1.0-py3-none-any.whl#sha256=%s" data-requires-python="&gt;=3.8">acme_chat-1.0-py3-none-any.whl</a>
      <a href="/f/acme_chat-1.1-py3-none-any.whl" data-yanked>…</a>
      <a href="/f/acme_chat-1.2-py3-none-any.whl" data-requires-python="&lt;3">…</a>
      <a href="/f/acme_chat-9.tar.gz">acme_chat-9.tar.gz</a></body></html>""" % ("ab" * 32)
    site.page("/simple/acme-chat/", html.encode(), "text/html; charset=utf-8")

    listing = await find(site, client)

    assert listing.wheels == (
        WheelFile(url=f"{site.url}/f/acme_chat-1.0-py3-none-any.whl", filename="acme_chat-1.0-py3-none-any.whl", sha256="ab" * 32),
    )


@pytest.mark.parametrize("body", [b"\xff", b'<a href="/x.whl#sha256=zz">x</a>', b'<a href="http://[::1/x.whl">x</a>'])
async def test_a_page_that_cannot_be_read_is_said_to_be_so(site: Site, client: Client, body: bytes) -> None:
    site.page("/simple/acme-chat/", body, "text/html")

    with pytest.raises(SourceInvalid):
        await find(site, client)


@pytest.mark.parametrize(
    ("status", "error"), [(500, SourceUnreachable), (503, SourceUnreachable), (401, SourceInvalid), (403, SourceInvalid)]
)
async def test_an_index_that_does_not_let_us_know_is_not_an_unknown_project(
    site: Site, client: Client, status: int, error: type[Exception]
) -> None:
    site.page("/simple/acme-chat/", b"", "text/plain", status=status)

    with pytest.raises(error, match=str(status)):
        await find(site, client)
