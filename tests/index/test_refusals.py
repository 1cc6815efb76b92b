"""What is asked wrongly: each has its code and breaks nothing; how commands end; that nothing secret is written."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.index.program import ADMIN, BIN, chat, run, running, upload

PROGRAM = BIN / "plugin-index"


async def test_client_commands_load_no_server() -> None:
    code = (
        "import sys, plugin_index.cli; print([m for m in ('uvicorn', 'starlette', 'fastapi', 'pydantic', 'sqlite3') if m in sys.modules])"
    )
    assert await run(sys.executable, "-c", code) == (0, "[]\n")


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["enable"], 2),
        (["nonsense"], 2),
        (["enable", "chat", "--nonsense"], 2),
        (["list", "--url", "http://127.0.0.1:9"], 1),
        (["--help"], 0),
    ],
)
async def test_a_command_ends_with_a_status_that_scripts_can_trust(arguments: list[str], status: int) -> None:
    ended, said = await run(PROGRAM, *arguments)
    assert ended == status, said
    assert "Traceback" not in said


async def test_no_secret_is_written_anywhere(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as index, httpx.AsyncClient(base_url=index.url, timeout=60) as client:
        admin = {"Authorization": f"Bearer {ADMIN}"}
        made = (await client.post("/api/tokens", json={"name": "ci", "actions": ["upload"]}, headers=admin)).json()["token"]
        rotated = (await client.post("/api/tokens", json={"name": "cd", "actions": ["upload"]}, headers=admin)).json()
        again = (await client.post(f"/api/tokens/{rotated['id']}/rotate", headers=admin)).json()["token"]
        await upload(client, chat(), token=made)
        await upload(client, chat("1.1"), token=again)
        await upload(client, chat("1.2"), token="a-secret-that-is-wrong")
        await client.get("/api/audit", headers={"Authorization": "Bearer another-secret-that-is-wrong"})
    written = b"".join(path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file())
    for secret in (ADMIN, made, rotated["token"], again, "a-secret-that-is-wrong", "another-secret-that-is-wrong"):
        assert secret.encode() not in written


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "path-unknown"),
        ("PUT", "/api/plugins", 405, "method-not-allowed"),
        ("GET", "/legacy/", 405, "method-not-allowed"),
        ("GET", "/api/plugins/nothing", 404, "plugin-unknown"),
        ("GET", "/files/00/x.whl", 404, "path-unknown"),
        ("POST", "/api/projects/nothing/1.0/yank", 404, "project-unknown"),
        ("POST", "/api/projects/nothing/one/yank", 422, "request-invalid"),
        ("POST", "/api/tokens", 422, "request-invalid"),
        ("POST", "/api/tokens/nothing/rotate", 404, "token-unknown"),
        ("DELETE", "/api/tokens/nothing", 404, "token-unknown"),
        ("GET", "/api/audit?limit=0", 422, "request-invalid"),
        ("GET", "/api/audit?next=x", 422, "request-invalid"),
        ("GET", "/api/audit?next=99999999999999999999999", 422, "request-invalid"),
    ],
)
async def test_an_error_is_a_problem_with_its_code(client: httpx.AsyncClient, method: str, path: str, status: int, code: str) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


SHAPELESS: list[dict[str, object]] = [
    {"name": "x", "actions": []},
    {"name": "x", "actions": ["root"]},
    {"name": "", "actions": ["read"]},
    {"name": "x", "actions": ["read"], "expires": "tomorrow"},
    {"name": "x", "actions": ["read"], "expires": 1e300},
    {"name": "x", "actions": ["read"], "more": 1},
    {"name": "\ud800", "actions": ["read"]},
    {"name": "x", "actions": ["read"], "projects": ["\ud800"]},
]


async def test_a_token_of_the_wrong_shape_is_refused(client: httpx.AsyncClient) -> None:
    for body in SHAPELESS:
        answer = await client.post("/api/tokens", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), body


async def test_text_that_no_utf_8_can_say_is_refused(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    for path in ("/api/projects/acme-chat/1.0/yank", "/api/plugins/chat/enable", "/api/plugins/chat/disable"):
        for key in ("reason", "filename", "version"):
            answer = await client.post(path, content=json.dumps({key: "\ud800"}), headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), answer.text


STRANGE = [
    "/simple/?format=%ff",
    "/simple/%ff%fe/",
    "/files/%ff/%ff",
    "/api/plugins/%ff%00",
    "/api/plugins?next=%ff%00",
    "/?after=%ff",
    "/api/plugins?limit=0",
    "/legacy/+simple/%0d%0a/",
    "/simple/a%0d%0ab",
]


async def test_no_path_breaks_it(client: httpx.AsyncClient) -> None:
    for path in STRANGE:
        assert (await client.get(path)).status_code < 500, path


async def test_who_names_a_list_that_never_was_hears_of_the_one_that_is(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60), client.stream("GET", "/api/plugins/events", headers={"Last-Event-ID": "never"}) as stream:
        heard = [line async for line in _until(stream, "data")]
    assert "event: changed" in heard


async def _until(stream: httpx.Response, start: str) -> AsyncIterator[str]:
    async for line in stream.aiter_lines():
        yield line
        if line.startswith(start):
            return
