"""Tokens: what they may, for which projects, until when; how guessing is slowed down; how little of them is kept."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from plugin_index.app import PluginIndex
from tests.index.inside import asked, inside, sent
from tests.index.program import ADMIN, BIN, chat, run, running

GUESSES = 20
"""As many as are allowed in a while."""


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PluginIndex]:
    async with inside(tmp_path / "home") as made:
        yield made


async def made(app: PluginIndex, *actions: str, projects: tuple[str, ...] = ("*",), expires: object = None) -> dict[str, str]:
    body = {"name": "-".join(actions), "actions": actions, "projects": projects, "expires": expires}
    async with asked(app) as admin:
        answer = await admin.post("/api/tokens", json=body)
    assert answer.status_code == 201, answer.text
    token: dict[str, str] = answer.json()
    return token


async def published(app: PluginIndex, token: str, project: str = "acme-chat", version: str = "1.0", plugin: str | None = "chat") -> int:
    built = chat(version, project=project, plugin=plugin)
    async with asked(app, token) as client:
        return (await sent(client, built)).status_code


CALLS = [
    ("POST", "/api/plugins/chat/enable", "manage"),
    ("POST", "/api/plugins/chat/disable", "manage"),
    *(("POST", f"/api/projects/acme-chat/1.0/{verb}", "manage") for verb in ("yank", "unyank", "quarantine", "unquarantine", "revoke")),
    ("DELETE", "/api/projects/acme-chat/1.0", "manage"),
    ("POST", "/api/revoked", "admin"),
    ("GET", "/api/tokens", "admin"),
    ("POST", "/api/tokens", "admin"),
    ("POST", "/api/tokens/nothing/rotate", "admin"),
    ("DELETE", "/api/tokens/nothing", "admin"),
    ("GET", "/api/audit", "admin"),
]
BODIES = {"/api/revoked": {"sha256": "0" * 64}, "/api/tokens": {"name": "x", "actions": ["read"]}}


@pytest.mark.parametrize(("method", "path", "needs"), CALLS)
async def test_each_call_needs_its_action_for_that_project(app: PluginIndex, method: str, path: str, needs: str) -> None:
    assert await published(app, ADMIN) == 200
    body = BODIES.get(path) if method == "POST" else None
    wrong = [await made(app, action) for action in ("upload", "read", "manage") if action != needs]
    if needs == "manage":
        wrong.append(await made(app, "manage", projects=("acme-chats", "other-*")))
    for token in wrong:
        async with asked(app, token["token"]) as client:
            answer = await client.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "token-refused"), token["name"]
    async with asked(app, None) as client:
        answer = await client.request(method, path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
    assert answer.headers["www-authenticate"].startswith("Basic")
    right = await made(app, needs, projects=("Acme_*",))
    async with asked(app, right["token"]) as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code in {200, 201, 404}, answer.text
    assert (answer.status_code == 404) == ("nothing" in path)


async def test_who_may_not_manage_learns_no_name(app: PluginIndex) -> None:
    await published(app, ADMIN)
    reader = await made(app, "read")
    for token, status in ((None, 401), (reader["token"], 403)):
        async with asked(app, token) as client:
            answers = [await client.post(f"/api/plugins/{name}/enable") for name in ("chat", "nothing")]
        assert [answer.status_code for answer in answers] == [status, status]


@pytest.mark.parametrize(
    ("globs", "project", "status"),
    [
        (("acme-*",), "acme-chat", 200),
        (("Acme.*",), "acme-chat", 200),
        (("acme-chat",), "acme-chat", 200),
        (("other-*", "acme-c?at"), "acme-chat", 200),
        (("acme-*",), "acme", 403),
        (("acme-chat",), "acme-chat-2", 403),
        (("[!a]*",), "acme-chat", 403),
    ],
)
async def test_a_token_is_for_the_projects_of_its_globs(app: PluginIndex, globs: tuple[str, ...], project: str, status: int) -> None:
    token = await made(app, "upload", projects=globs)
    assert await published(app, token["token"], project) == status


@pytest.mark.parametrize("expires", ["2001-01-01T00:00:00Z", "2001-01-01", 1.0, 0, -1])
async def test_a_token_that_has_expired_is_refused_wherever_it_comes(app: PluginIndex, expires: object) -> None:
    token = await made(app, "admin", expires=expires)
    assert await published(app, token["token"]) == 403
    async with asked(app, token["token"]) as client:
        answer = await client.get("/api/tokens")
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")


@pytest.mark.parametrize("expires", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", 1e300, -1e300, "nan", 1e12])
async def test_a_moment_that_no_calendar_has_is_refused_and_breaks_no_list(app: PluginIndex, expires: object) -> None:
    async with asked(app) as client:
        answer = await client.post("/api/tokens", json={"name": "x", "actions": ["read"], "expires": expires})
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
        assert (await client.get("/api/tokens")).json() == {"tokens": []}


async def test_a_token_that_expires_later_is_good_and_says_so(app: PluginIndex) -> None:
    token = await made(app, "upload", expires=time.time() + 3600)
    assert await published(app, token["token"]) == 200
    async with asked(app) as client:
        (row,) = (await client.get("/api/tokens")).json()["tokens"]
    assert row["expires"] == token["expires"]


async def test_the_last_use_is_recorded(app: PluginIndex) -> None:
    token = await made(app, "upload")
    async with asked(app) as client:
        (row,) = (await client.get("/api/tokens")).json()["tokens"]
        assert row["used"] is None
        await published(app, token["token"])
        (row,) = (await client.get("/api/tokens")).json()["tokens"]
    assert row["used"] is not None
    assert row["used"] >= row["created"]


async def test_a_rotated_token_keeps_what_it_may_and_a_deleted_one_may_nothing(app: PluginIndex) -> None:
    token = await made(app, "upload", projects=("acme-*",))
    async with asked(app) as client:
        rotated = (await client.post(f"/api/tokens/{token['id']}/rotate")).json()
        assert {**rotated, "token": ""} == {**token, "token": ""}
        assert await published(app, token["token"]) == 403
        assert await published(app, rotated["token"]) == 200
        assert (await client.delete(f"/api/tokens/{token['id']}")).status_code == 204
        assert await published(app, rotated["token"], version="1.1") == 403
        rows = (await client.get("/api/audit")).json()["audit"]
    assert [(row["verb"], row["subject"]) for row in rows if row["verb"].startswith("token")] == [
        ("token.delete", token["id"]),
        ("token.rotate", token["id"]),
        ("token.create", "upload"),
    ]


async def test_nothing_but_hashes_is_kept(app: PluginIndex, tmp_path: Path) -> None:
    token = await made(app, "upload")
    await published(app, token["token"])
    kept = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    assert token["token"].encode() not in kept
    assert token["token"].partition("_")[2].encode() not in kept
    with sqlite3.connect(tmp_path / "home" / "index.sqlite") as database:
        ((digest,),) = database.execute("SELECT hash FROM tokens").fetchall()
    database.close()
    assert len(digest) == 64


async def test_guessing_from_an_address_is_stopped_and_nobody_else_is(app: PluginIndex) -> None:
    good, unseen = await made(app, "admin"), await made(app, "admin")
    async with (
        asked(app, None, address="192.0.2.1") as guesser,
        asked(app, good["token"], address="192.0.2.1") as neighbour,
        asked(app, unseen["token"], address="192.0.2.2") as elsewhere,
    ):
        assert (await neighbour.get("/api/tokens")).status_code == 200
        for number in range(GUESSES):
            answer = await guesser.get("/api/tokens", headers={"Authorization": f"Bearer guess-{number}"})
            assert answer.status_code == 401
        for headers in ({"Authorization": "Bearer another"}, {"Authorization": f"Bearer {unseen['token']}"}):
            answer = await guesser.get("/api/tokens", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (429, "too-many-failures")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        answer = await guesser.post("/legacy/", headers={"Authorization": "Bearer another"})
        assert (answer.status_code, answer.json()["code"].partition(":")[0]) == (429, "too-many-failures")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert (await neighbour.get("/api/tokens")).status_code == 200
        assert (await elsewhere.get("/api/tokens")).status_code == 200
        assert (await guesser.get("/simple/")).status_code == 200


async def test_an_address_of_ipv6_is_one_of_many_that_its_owner_has(app: PluginIndex) -> None:
    for number in range(GUESSES):
        async with asked(app, f"guess-{number}", address=f"2001:db8::{number:x}:1") as client:
            assert (await client.get("/api/tokens")).status_code == 401
    for address, status in {"2001:db8::ffff": 429, "2001:db8:0:1::1": 401, "::ffff:192.0.2.1": 401, "nowhere": 401}.items():
        async with asked(app, "another", address=address) as client:
            assert (await client.get("/api/tokens")).status_code == status, address


async def test_one_wrong_token_from_many_addresses_is_stopped(app: PluginIndex) -> None:
    for number in range(GUESSES):
        async with asked(app, "leaked", address=f"192.0.2.{number}") as client:
            assert (await client.get("/api/tokens")).status_code == 401
    async with asked(app, "leaked", address="192.0.2.99") as client:
        assert (await client.get("/api/tokens")).status_code == 429
    async with asked(app, ADMIN, address="192.0.2.99") as client:
        assert (await client.get("/api/tokens")).status_code == 200


async def test_a_token_that_is_good_no_more_loses_its_trust(app: PluginIndex) -> None:
    token = await made(app, "admin")
    async with asked(app, token["token"], address="192.0.2.1") as client, asked(app) as admin:
        assert (await client.get("/api/tokens")).status_code == 200
        await admin.delete(f"/api/tokens/{token['id']}")
        statuses = [(await client.get("/api/tokens")).status_code for _ in range(GUESSES + 1)]
    assert statuses == [401] * GUESSES + [429]


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic", "Basic !!", "Basic bm9jb2xvbg==", "Basic X190b2tlbl9fOg==", "Digest x", "Bearer \xff\xfe"]
)
async def test_what_is_no_credential_is_401_and_nothing_worse(app: PluginIndex, header: str) -> None:
    async with asked(app, None) as client:
        answer = await client.get("/api/tokens", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


async def test_many_who_come_with_one_new_token_at_once_are_all_let_in(app: PluginIndex) -> None:
    token = await made(app, "admin")
    async with asked(app, token["token"]) as client:
        answers = await asyncio.gather(*(client.get("/api/tokens") for _ in range(30)))
    assert {answer.status_code for answer in answers} == {200}


async def test_the_commands_make_show_rotate_and_delete_tokens(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as index, httpx.AsyncClient(base_url=index.url) as client:
        program, reach = BIN / "plugin-index", {"PLUGIN_INDEX_URL": index.url, "PLUGIN_INDEX_TOKEN": ADMIN}
        create = ("token", "create", "--name", "ci", "--action", "admin", "--project", "acme-*", "--expires", "2999-01-01T00:00:00Z")
        status, first = await run(program, *create, **reach)
        assert status == 0
        status, said = await run(program, "token", "list", "--json", **reach)
        (row,) = httpx.Response(200, text=said).json()["tokens"]
        assert (row["name"], row["actions"], row["projects"], row["expires"]) == ("ci", ["admin"], ["acme-*"], "2999-01-01T00:00:00.000Z")
        status, second = await run(program, "token", "rotate", row["id"], **reach)
        for token, expected in ((first, 401), (second, 200)):
            answer = await client.get("/api/tokens", headers={"Authorization": f"Bearer {token.strip()}"})
            assert answer.status_code == expected
        assert (await run(program, "token", "delete", row["id"], **reach))[0] == 0
        status, said = await run(program, "token", "delete", row["id"], **reach)
        assert (status, "token-unknown" in said) == (1, True)
        status, said = await run(program, "token", "create", "--name", "x", "--action", "read", "--expires", "soon", **reach)
        assert (status, "request-invalid" in said) == (1, True)
