"""What a source has revoked: read beside its list, and changing nothing where it cannot be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from plughost.catalog import FolderSource, ListSource, SimpleSource, ask
from plughost.errors import CatalogError, SourceInvalid, SourceUnreachable
from plughost.net.client import Client
from plughost.net.rules import Origin, Rules, own_origin
from plughost.testing import wheel

if TYPE_CHECKING:
    from tests.catalog.conftest import Site

REVOKED = "/api/revoked"
DIGEST, OTHER = "ab" * 32, "cd" * 32


def document(*rows: dict[str, object]) -> dict[str, object]:
    return {"revoked": list(rows)}


def row(sha256: str = DIGEST, reason: str | None = "it steals cookies", **more: object) -> dict[str, object]:
    return {"sha256": sha256, "reason": reason, **more}


async def test_it_is_read_beside_the_list_and_what_is_not_known_is_ignored(site: Site, client: Client) -> None:
    site.put(f"/index{REVOKED}", {**document(row(at=1.5, by="ada", project="acme-chat"), row(OTHER)), "next": None})
    source = ListSource(f"{site.url}/index/", client)

    assert await source.revoked() == {DIGEST: "it steals cookies", OTHER: "it steals cookies"}
    assert site.paths() == [f"/index{REVOKED}"]


async def test_what_has_not_changed_is_not_sent_again(site: Site, client: Client) -> None:
    site.put(REVOKED, document(row()))
    source = ListSource(site.url, client)
    await source.revoked()

    assert await source.revoked() is None
    assert site.asked[-1].headers["if-none-match"]
    site.put(REVOKED, document())
    assert await source.revoked() == {}


async def test_it_has_an_etag_of_its_own(site: Site, client: Client) -> None:
    site.put("/api/plugins/enabled", [])
    site.put(REVOKED, document(row()))
    source = ListSource(site.url, client)
    await source.poll()

    assert await source.revoked() == {DIGEST: "it steals cookies"}
    assert "if-none-match" not in site.asked[-1].headers
    assert await source.poll() is None


async def test_an_index_that_publishes_none_says_nothing(site: Site, client: Client) -> None:
    assert await ListSource(site.url, client).revoked() is None


async def test_a_list_that_is_a_file_and_a_plain_index_are_not_asked(site: Site, client: Client) -> None:
    assert await ListSource(f"{site.url}/lists/mine.json", client).revoked() is None
    assert await SimpleSource(f"{site.url}/simple/", client).revoked() is None  # type: ignore[func-returns-value]  # that it says nothing is the point
    assert site.asked == []


@pytest.mark.parametrize(("said", "kept"), [(DIGEST.upper(), DIGEST), (DIGEST, DIGEST)])
async def test_digests_are_compared_in_small_letters(site: Site, client: Client, said: str, kept: str) -> None:
    site.put(REVOKED, document(row(said)))

    assert await ListSource(site.url, client).revoked() == {kept: "it steals cookies"}


@pytest.mark.parametrize("reason", ["", None])
async def test_a_reason_may_be_missing_and_is_cut_where_it_is_a_book(site: Site, client: Client, reason: str | None) -> None:
    site.put(REVOKED, document(row(reason=reason), {"sha256": OTHER, "reason": "x" * 5000}))

    assert await ListSource(site.url, client).revoked() == {DIGEST: "no reason was given", OTHER: "x" * 1000}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        (b"{", 200, SourceInvalid),
        (b"[]", 200, SourceInvalid),
        (b"{}", 200, SourceInvalid),
        (b"<html>", 200, SourceInvalid),
        (json.dumps(document(row(), row("zz"))).encode(), 200, SourceInvalid),
        (json.dumps(document(row(DIGEST[:-1]))).encode(), 200, SourceInvalid),
        (json.dumps(document(row(f"{DIGEST}\n"))).encode(), 200, SourceInvalid),
        (json.dumps(document({"reason": "which?"})).encode(), 200, SourceInvalid),
        (b"", 401, SourceInvalid),
        (b"", 500, SourceUnreachable),
    ],
)
async def test_a_broken_answer_is_a_catalog_error_and_the_next_one_counts(
    site: Site, client: Client, body: bytes, status: int, error: type[CatalogError]
) -> None:
    source = ListSource(site.url, client)
    site.put(REVOKED, document(row()))
    await source.revoked()
    site.page(REVOKED, body, "application/json", status=status)

    with pytest.raises(error, match=REVOKED):
        await source.revoked()

    site.put(REVOKED, document(row(OTHER)))
    assert await source.revoked() == {OTHER: "it steals cookies"}


async def test_more_than_sixteen_mebibytes_are_not_read(site: Site, client: Client) -> None:
    site.page(REVOKED, b'{"revoked": [' + b" " * ask.CAP + b"]}", "application/json")

    with pytest.raises(SourceInvalid, match="16 MiB"):
        await ListSource(site.url, client).revoked()


async def test_one_that_does_not_end_is_given_up(site: Site, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask, "DEADLINE", 0.3)
    site.hang(REVOKED, b"{")

    with pytest.raises(SourceUnreachable):
        await ListSource(site.url, client).revoked()


async def test_a_private_index_gets_its_token(site: Site) -> None:
    site.put(REVOKED, document(row()), token="secret")
    client = Client(Rules([own_origin(site.url)]), tokens={Origin.of(site.url): "secret"})

    assert await ListSource(site.url, client).revoked() == {DIGEST: "it steals cookies"}
    await client.close()


async def test_a_folder_may_say_it_in_a_file_beside_its_wheels(tmp_path: Path) -> None:
    wheel("acme-chat", "1.0", {"acme_chat.py": ""}, plugins={"chat": "acme_chat:plugin"}).write(tmp_path)
    source = FolderSource(tmp_path)
    before = await source.poll()
    assert before is not None
    assert await source.revoked() is None

    (tmp_path / "revoked.json").write_text(json.dumps(document(row())))
    after = await source.poll()

    assert after == before  # it is no wheel, and is no problem either
    assert await source.revoked() == {DIGEST: "it steals cookies"}
    assert await source.revoked() is None
    (tmp_path / "revoked.json").write_text("{")
    with pytest.raises(SourceInvalid, match=r"revoked\.json"):
        await source.revoked()
    (tmp_path / "revoked.json").write_text(json.dumps(document()))
    assert await source.revoked() == {}


async def test_a_folder_whose_file_cannot_be_read_is_unreachable(tmp_path: Path) -> None:
    (tmp_path / "revoked.json").mkdir()

    with pytest.raises(SourceUnreachable, match=r"revoked\.json"):
        await FolderSource(tmp_path).revoked()
