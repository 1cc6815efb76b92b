"""The simple repository API: HTML and JSON agree, hashes are right, caches see changes at once."""

from __future__ import annotations

import hashlib
import html.parser

import httpx
import pytest

from tests.index.program import chat, upload

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


class Links(html.parser.HTMLParser):
    """The anchors of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append(dict(attrs))


async def test_html_and_json_agree_and_every_link_resolves(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1"):
        await upload(client, chat(version, requires_python=">=3.8"))
    await client.post("/api/projects/acme-chat/1.0/yank", json={"reason": "too <old>"})
    page = (await client.get("/simple/acme-chat/", headers=JSON)).json()
    links = Links((await client.get("/simple/acme-chat/", headers={"Accept": "text/html"})).text).found

    assert page["meta"]["api-version"] == "1.4"
    assert page["versions"] == ["1.0", "1.1"]
    assert len(links) == len(page["files"]) == 2
    for file, link in zip(page["files"], links, strict=True):
        address = client.base_url.join(f"/simple/acme-chat/{file['url']}")
        answer = await client.get(address)
        assert hashlib.sha256(answer.content).hexdigest() == file["hashes"]["sha256"]
        assert len(answer.content) == file["size"]
        metadata = await client.get(f"{address}.metadata")
        assert hashlib.sha256(metadata.content).hexdigest() == file["core-metadata"]["sha256"]
        assert link["href"] == f"{file['url']}#sha256={file['hashes']['sha256']}"
        assert link["data-requires-python"] == file["requires-python"] == ">=3.8"
        assert link.get("data-yanked") == (file["yanked"] or None)


async def test_a_page_is_revalidated_and_changes_at_once(client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0"))
    first = await client.get("/simple/acme-chat/", headers=JSON)
    assert first.headers["cache-control"] == "max-age=0, must-revalidate"
    assert (await client.get("/simple/acme-chat/", headers={**JSON, "If-None-Match": first.headers["etag"]})).status_code == 304
    await upload(client, chat("1.1"))
    again = await client.get("/simple/acme-chat/", headers={**JSON, "If-None-Match": first.headers["etag"]})
    assert again.status_code == 200
    assert again.headers["etag"] != first.headers["etag"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/html"),
        ("*/*", "text/html"),
        ("application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+json"),
        (
            "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
            "application/vnd.pypi.simple.v1+json",
        ),
        ("application/vnd.pypi.simple.v1+json;q=0.1, text/html", "text/html"),
        ("application/vnd.pypi.simple.latest+json", "application/vnd.pypi.simple.v1+json"),
    ],
)
async def test_the_preferred_representation_is_given(client: httpx.AsyncClient, accept: str, kind: str) -> None:
    await upload(client, chat())
    answer = await client.get("/simple/", headers={"Accept": accept})
    assert answer.headers["content-type"].partition(";")[0] == kind
    assert answer.headers["vary"] == "Accept, Accept-Encoding"


async def test_names_are_normalised_by_a_redirect(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    for path in ("/simple/Acme_Chat/", "/simple/acme-chat", "/simple/Acme.Chat"):
        answer = await client.get(path)
        assert answer.status_code == 301
        assert (await client.get(answer.next_request.url if answer.next_request else "")).status_code == 200
    assert (await client.get("/legacy/+simple/acme-chat/", follow_redirects=True)).status_code == 200


async def test_files_are_immutable_and_have_ranges(client: httpx.AsyncClient) -> None:
    built = chat()
    await upload(client, built)
    address = f"/files/{built.sha256}/{built.filename}"
    part = await client.get(address, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, built.data[2:6])
    head = await client.head(address)
    assert (head.headers["etag"], head.headers["content-length"]) == (f'"{built.sha256}"', str(len(built.data)))
    assert "immutable" in head.headers["cache-control"]
    assert (await client.get(address, headers={"If-None-Match": head.headers["etag"]})).status_code == 304
    assert (await client.get(f"/files/{'0' * 64}/{built.filename}")).status_code == 404


async def test_what_is_not_there_is_404_in_both_forms_and_uploads_are_pointed_elsewhere(client: httpx.AsyncClient) -> None:
    assert "message" in (await client.get("/simple/nothing/", headers=JSON)).json()
    assert (await client.get("/simple/nothing/")).status_code == 404
    answer = await client.post("/simple/")
    assert answer.status_code == 405
    assert "/legacy/" in answer.text


@pytest.mark.parametrize("known", ["{etag}", "W/{etag}", '"other", {etag}', "*"])
async def test_whoever_has_the_page_is_told_so_in_every_way_of_asking(client: httpx.AsyncClient, known: str) -> None:
    await upload(client, chat())
    for path in ("/simple/", "/simple/acme-chat/", "/api/plugins/enabled"):
        etag = (await client.head(path)).headers["etag"]
        answer = await client.get(path, headers={"If-None-Match": known.format(etag=etag)})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
        assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200


async def test_a_large_page_is_sent_zipped_to_who_takes_it_and_has_an_etag_of_its_own(client: httpx.AsyncClient) -> None:
    for number in range(6):
        await upload(client, chat(f"1.{number}"))
    plain = await client.get("/simple/acme-chat/", headers={"Accept-Encoding": "gzip;q=0, identity"})
    zipped = await client.get("/simple/acme-chat/", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.text == plain.text
    assert zipped.headers["etag"] != plain.headers["etag"]


async def test_an_upload_changes_the_page_of_its_project_alone(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    before = (await client.get("/simple/acme-chat/")).headers["etag"]
    await upload(client, chat(project="acme-other", plugin=None))
    assert (await client.get("/simple/acme-chat/")).headers["etag"] == before
    assert "acme-other" in (await client.get("/simple/")).text


async def test_the_form_of_a_page_can_be_asked_for_in_its_address(client: httpx.AsyncClient) -> None:
    answer = await client.get("/simple/?format=application/vnd.pypi.simple.v1%2Bjson")
    assert answer.headers["content-type"] == "application/vnd.pypi.simple.v1+json"


async def test_ranges_that_cannot_be_and_files_that_changed(client: httpx.AsyncClient) -> None:
    built = chat()
    await upload(client, built)
    address = f"/files/{built.sha256}/{built.filename}"
    assert (await client.get(address, headers={"Range": f"bytes={len(built.data)}-"})).status_code == 416
    assert (await client.get(address, headers={"Range": "bytes=0-1", "If-Range": '"other"'})).content == built.data
    assert (await client.get(address, headers={"Range": "bytes=0-1", "If-Range": f'"{built.sha256}"'})).content == built.data[:2]
    assert "content-encoding" not in (await client.get(address, headers={"Accept-Encoding": "gzip"})).headers
    await client.post("/api/projects/acme-chat/1.0/yank", json={"reason": "x"})
    assert (await client.get(address)).content == built.data
