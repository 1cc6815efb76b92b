"""The operators' commands: each does what it says, says why it was refused, and leaves a row in the trail."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.index.operators.places import listed, marks, on_page
from tests.index.program import ADMIN, BIN, Program, chat, run, upload

PROGRAM = BIN / "plugin-index"
STORY = [
    # command, what is said, the list, 1.1 on its page, its marks
    ("enable chat --version <2", "chat (acme-chat): enabled 1.1 (holds <2)", ["1.1"], "offered", ""),
    ("yank acme-chat 1.1", "acme-chat 1.1: yanked", ["1.0"], "yanked", "yanked"),
    ("unyank Acme_Chat 1.1.0", "Acme_Chat 1.1.0: no longer yanked", ["1.1"], "offered", ""),
    ("quarantine acme-chat 1.1", "acme-chat 1.1: quarantined, nobody gets it", ["1.0"], "missing", "quarantined"),
    ("unquarantine acme-chat 1.1", "acme-chat 1.1: no longer quarantined", ["1.1"], "offered", ""),
    ("revoke acme-chat 1.1", "acme-chat 1.1: revoked, hosts stop what contains it", ["1.0"], "missing", "revoked"),
    ("remove acme-chat 1.1", "acme-chat 1.1: removed", ["1.0"], "missing", "removed revoked"),
    ("disable chat", "chat (acme-chat): not enabled", [], "missing", "removed revoked"),
]


def reach(index: Program, token: str = ADMIN) -> dict[str, str]:
    return {"PLUGIN_INDEX_URL": index.url, "PLUGIN_INDEX_TOKEN": token}


async def test_each_command_does_it_says_so_and_leaves_a_row(index: Program, client: httpx.AsyncClient) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    for version in ("1.0", "1.1", "2.0"):
        await upload(client, chat(version))
    for command, said, versions, page, marked in STORY:
        reason = f"why {command.partition(' ')[0]}"
        told = f"{said}, newest 2.0\n" if "(acme-chat)" in said else f"{said}\n"
        assert await run(PROGRAM, *command.split(" "), "--reason", reason, **reach(index)) == (0, told)
        assert await listed(client) == versions
        assert await on_page(client, chat("1.1")) == page
        assert await marks(client, chat("1.1")) == set(marked.split())
    rows = (await client.get("/api/audit")).json()["audit"][: len(STORY)]
    verbs = [command.partition(" ")[0] for command, *_ in STORY]
    assert [(row["verb"], row["reason"]) for row in rows] == [(verb, f"why {verb}") for verb in reversed(verbs)]
    for row in rows:
        assert (row["by"], row["origin"]) == ("admin", "127.0.0.1")
        assert began <= datetime.fromisoformat(row["at"]) <= datetime.now(UTC) + timedelta(seconds=1)
    status, trail = await run(PROGRAM, "audit", "--limit", "3", **reach(index))
    assert status == 0
    assert [line.split(" ", 2)[2] for line in trail.splitlines()] == [
        "disable chat why disable",
        "remove acme-chat 1.1 why remove",
        "revoke acme-chat 1.1 why revoke",
    ]


async def test_bytes_from_elsewhere_are_revoked_by_their_digest(index: Program, client: httpx.AsyncClient) -> None:
    status, said = await run(PROGRAM, "revoke", "ab" * 32, "--reason", "seen elsewhere", **reach(index))
    assert (status, said) == (0, f"{'ab' * 32}: revoked, hosts stop what contains it\n")
    (row,) = (await client.get("/api/revoked")).json()["revoked"]
    assert (row["sha256"], row["reason"]) == ("ab" * 32, "seen elsewhere")


@pytest.mark.parametrize("command", [command for command, *_ in STORY])
async def test_a_token_of_another_project_is_refused_and_nothing_changes(index: Program, client: httpx.AsyncClient, command: str) -> None:
    for version in ("1.0", "1.1"):
        await upload(client, chat(version))
    made = await client.post("/api/tokens", json={"name": "other", "actions": ["manage", "upload"], "projects": ["other-*"]})
    before = (await client.get("/api/plugins/chat")).json()
    status, said = await run(PROGRAM, *command.split(" "), "--json", **reach(index, made.json()["token"]))
    assert (status, json.loads(said)["code"]) == (1, "token-refused")
    assert (await client.get("/api/plugins/chat")).json() == before
    assert (await client.get("/api/audit")).json()["audit"][0]["verb"] == "token.create"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("yank nothing 1.0", "project-unknown"),
        ("yank acme-chat 9.9", "release-unknown"),
        ("yank acme-chat one", "request-invalid"),
        ("quarantine acme-chat 1.0 --filename other.whl", "release-unknown"),
        ("remove acme-chat 9.9", "release-unknown"),
        ("revoke acme-chat 9.9", "release-unknown"),
        ("revoke no-digest", "request-invalid"),
        ("enable nothing", "plugin-unknown"),
        ("enable chat --version 9.9", "release-unknown"),
        ("enable chat --version =1", "request-invalid"),
        ("disable nothing", "plugin-unknown"),
        ("show nothing", "plugin-unknown"),
    ],
)
async def test_what_cannot_be_done_says_why_with_its_code(index: Program, client: httpx.AsyncClient, command: str, code: str) -> None:
    await upload(client, chat())
    status, said = await run(PROGRAM, *command.split(" "), **reach(index))
    assert status == 1
    assert said.startswith(f"error[{code}]: ")
    assert "Traceback" not in said


async def test_what_was_said_cannot_forge_a_line_of_the_trail_or_steer_a_terminal(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    reason = "broken\n2026-01-01T00:00:00Z admin enable chat\x1b[2J\r\x9b31m\u202eevil"
    await client.post("/api/projects/acme-chat/1.0/yank", json={"reason": reason})
    for command in (("audit",), ("show", "chat")):
        status, said = await run(PROGRAM, *command, **reach(index))
        assert status == 0
        assert len(said.splitlines()) == 2
        assert set(said) & set("\x1b\r\x9b\u202e") == set()
    assert json.loads((await run(PROGRAM, "audit", "--json", **reach(index)))[1])["audit"][0]["reason"] == reason
