"""What each verb does to a release, in every place where a release is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel
from tests.index.inside import asked, inside, sent
from tests.index.operators.places import Seen, listed, marks, on_page, project_status
from tests.index.program import chat

TABLE = {
    "": Seen(page="offered", file=200, metadata=200, again=200, other=400, marks=frozenset()),
    "yank": Seen(page="yanked", file=200, metadata=200, again=200, other=400, marks=frozenset({"yanked"})),
    "quarantine": Seen(page="missing", file=404, metadata=404, again=200, other=400, marks=frozenset({"quarantined"})),
    "revoke": Seen(page="missing", file=403, metadata=403, again=403, other=400, marks=frozenset({"revoked"})),
    "remove": Seen(page="missing", file=410, metadata=410, again=400, other=400, marks=frozenset({"removed"})),
    "yank quarantine": Seen(page="missing", file=404, metadata=404, again=200, other=400, marks=frozenset({"yanked", "quarantined"})),
    "quarantine revoke": Seen(page="missing", file=403, metadata=403, again=403, other=400, marks=frozenset({"quarantined", "revoked"})),
    "quarantine remove": Seen(page="missing", file=410, metadata=410, again=400, other=400, marks=frozenset({"quarantined", "removed"})),
    "remove revoke": Seen(page="missing", file=410, metadata=410, again=403, other=400, marks=frozenset({"removed", "revoked"})),
}
UNDONE = {"yank": "unyank", "quarantine": "unquarantine"}


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with inside(tmp_path / "home") as app, asked(app) as made:
        yield made


async def did(client: httpx.AsyncClient, verb: str, version: str, **said: str) -> httpx.Response:
    """The verb, done to a release of acme-chat."""
    path = f"/api/projects/acme-chat/{version}"
    if verb == "remove":
        answer = await client.delete(path, params=said)
    else:
        answer = await client.post(f"{path}/{verb}", json=said)
    assert answer.status_code == 200, answer.text
    return answer


async def seen(client: httpx.AsyncClient, built: BuiltWheel, version: str) -> Seen:
    address = f"/files/{built.sha256}/{built.filename}"
    return Seen(
        page=await on_page(client, built),
        file=(await client.get(address)).status_code,
        metadata=(await client.get(f"{address}.metadata")).status_code,
        again=(await sent(client, built)).status_code,
        other=(await sent(client, chat(version, says="# other"))).status_code,
        marks=await marks(client, built),
    )


@pytest.mark.parametrize("verbs", TABLE)
async def test_a_verb_has_its_effect_in_every_place_and_nowhere_else(client: httpx.AsyncClient, verbs: str) -> None:
    one, other = chat("1.0"), chat("1.1")
    for built in (one, other):
        await sent(client, built)
    for verb in verbs.split():
        await did(client, verb, "1.1", reason="why not")
    assert await seen(client, other, "1.1") == TABLE[verbs]
    assert await seen(client, one, "1.0") == TABLE[""]


@pytest.mark.parametrize("verb", ["yank", "quarantine", "revoke", "remove"])
async def test_the_list_falls_to_the_next_best_and_then_has_no_entry(client: httpx.AsyncClient, verb: str) -> None:
    for version in ("1.0", "1.1", "2.0"):
        await sent(client, chat(version))
    await client.post("/api/plugins/chat/enable", json={"version": "<2"})
    assert await listed(client) == ["1.1"]
    await did(client, verb, "1.1", reason="bad")
    assert await listed(client) == ["1.0"]
    await did(client, verb, "1.0", reason="bad")
    kept = ["1.0"] if verb == "yank" else []  # what is only yanked runs on where there is nothing better
    assert await listed(client) == kept
    assert (await client.get("/api/plugins/chat")).json()["enabled"]["specifier"] == "<2"


@pytest.mark.parametrize("verb", ["yank", "quarantine"])
async def test_what_is_taken_back_is_as_if_it_had_never_been(client: httpx.AsyncClient, verb: str) -> None:
    for version in ("1.0", "1.1"):
        await sent(client, chat(version))
    await client.post("/api/plugins/chat/enable")
    before = (await client.get("/api/plugins/enabled")).headers["etag"]
    for version in ("1.1", "1.0"):
        await did(client, verb, version, reason="look at it")
    assert (await client.get("/api/plugins/enabled")).headers["etag"] != before
    for version in ("1.1", "1.0"):
        await did(client, UNDONE[verb], version)
    assert (await client.get("/api/plugins/enabled")).headers["etag"] == before
    assert await seen(client, chat("1.1"), "1.1") == TABLE[""]


async def test_an_exact_version_leaves_the_list_with_its_quarantine_and_comes_back(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1"):
        await sent(client, chat(version))
    await client.post("/api/plugins/chat/enable", json={"version": "1.1"})
    await did(client, "quarantine", "1.1", reason="look at it")
    assert await listed(client) == []
    await did(client, "unquarantine", "1.1")
    assert await listed(client) == ["1.1"]


@pytest.mark.parametrize(
    ("verbs", "status"),
    [
        (("yank", "yank"), "active"),
        (("remove", "remove"), "active"),
        (("quarantine", "yank"), "active"),
        (("quarantine", "quarantine"), "quarantined"),
        (("quarantine", "remove"), "quarantined"),
        (("revoke", "revoke"), "quarantined"),
        (("revoke", "remove"), "quarantined"),
    ],
)
async def test_a_project_with_nothing_left_to_offer_says_why(client: httpx.AsyncClient, verbs: tuple[str, str], status: str) -> None:
    for version, verb in zip(("1.0", "1.1"), verbs, strict=True):
        await sent(client, chat(version))
        await did(client, verb, version, reason="bad")
    assert await project_status(client) == status
    assert (await client.get("/simple/acme-chat/")).status_code == 200


async def test_one_file_of_a_release_is_meant_where_it_is_named(client: httpx.AsyncClient) -> None:
    one, other = chat("1.0"), chat("1.0", tag="py3-none-manylinux_2_17_x86_64")
    for verb in ("quarantine", "remove"):
        for built in (one, other):
            await sent(client, built)
        await did(client, verb, "1.0", filename=other.filename, reason="this one")
        assert await on_page(client, one) == "offered"
        assert await on_page(client, other) == "missing"
        await client.post("/api/plugins/chat/enable")
        (entry,) = (await client.get("/api/plugins/enabled")).json()
        assert entry["remoteEntryUrl"].endswith(one.filename)
        assert "wheels" not in entry
    answer = await client.post("/api/projects/acme-chat/1.0/yank", json={"filename": "other.whl"})
    assert (answer.status_code, answer.json()["code"]) == (404, "release-unknown")


async def test_a_name_that_was_removed_is_never_free_under_any_spelling(client: httpx.AsyncClient) -> None:
    await sent(client, chat("1.0"))
    await did(client, "remove", "1.0", reason="a mistake")
    for built in (chat("1.0"), chat("1.0", says="# other"), chat("1.0.0")):
        answer = await sent(client, built)
        assert answer.status_code == 400
        assert answer.json()["message"].startswith("File already exists")
    assert "removed" in (await sent(client, chat("1.0"))).json()["message"]
    assert (await sent(client, chat("1.1"))).status_code == 200


async def test_bytes_that_are_revoked_are_refused_before_they_are_anywhere(client: httpx.AsyncClient) -> None:
    built = chat("1.0")
    answer = await client.post("/api/revoked", json={"sha256": built.sha256, "reason": "seen elsewhere"})
    assert (answer.status_code, answer.json()["reason"]) == (200, "seen elsewhere")
    answer = await sent(client, built)
    assert (answer.status_code, answer.json()["code"].partition(":")[0]) == (403, "revoked")
    assert "seen elsewhere" in answer.json()["message"]
    assert (await sent(client, chat("1.0", says="# clean"))).status_code == 200


async def test_the_revocations_have_an_etag_and_change_the_list_s(client: httpx.AsyncClient) -> None:
    for version in ("1.0", "1.1"):
        await sent(client, chat(version))
    before, listed_before = await client.get("/api/revoked"), (await client.get("/api/plugins/enabled")).headers["etag"]
    assert before.json() == {"revoked": []}
    assert (await client.get("/api/revoked", headers={"If-None-Match": before.headers["etag"]})).status_code == 304
    await did(client, "revoke", "1.0", reason="it steals")
    after = await client.get("/api/revoked", headers={"If-None-Match": before.headers["etag"]})
    assert (after.status_code, after.headers["cache-control"]) == (200, "no-cache")
    (row,) = after.json()["revoked"]
    assert (row["sha256"], row["reason"], row["by"]) == (chat("1.0").sha256, "it steals", "admin")
    assert (await client.get("/api/plugins/enabled")).headers["etag"] != listed_before
    await did(client, "revoke", "1.0", reason="said again")
    assert (await client.get("/api/revoked")).headers["etag"] == after.headers["etag"]
