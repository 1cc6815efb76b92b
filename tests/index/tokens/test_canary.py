"""No secret is written anywhere, whatever goes wrong: everything that a server wrote is searched for each of them."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from pathlib import Path

import httpx

from plughost.testing import BuiltWheel
from tests.index.program import ADMIN, BIN, PATIENCE, Program, chat, run, running, upload

WRONG = [f"plugin-index_canary-{number}-that-is-no-token" for number in range(9)]


def written(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def holders(secrets: list[str], text: bytes) -> list[str]:
    """The secrets that the text holds, as they are or as Basic has them."""
    basic = {secret: base64.b64encode(f"__token__:{secret}".encode()).rstrip(b"=")[:-1] for secret in secrets}
    return [secret for secret in secrets if secret.encode() in text or basic[secret] in text]


async def raw(index: Program, request: str) -> bytes:
    """What the server says to these bytes, to the end of the connection."""
    address = httpx.URL(index.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(request.encode("latin-1"))
    writer.write_eof()
    async with asyncio.timeout(PATIENCE):
        said = await reader.read()
    writer.close()
    await writer.wait_closed()
    return said


async def good_ways(client: httpx.AsyncClient) -> list[str]:
    """Tokens made, used in each way, rotated, deleted, expired."""
    made = [(await client.post("/api/tokens", json={"name": "x", "actions": ["upload", "read"]})).json() for _ in range(3)]
    rotated = (await client.post(f"/api/tokens/{made[1]['id']}/rotate")).json()["token"]
    await client.delete(f"/api/tokens/{made[2]['id']}")
    tokens = [*(token["token"] for token in made), rotated]
    for number, secret in enumerate(tokens):
        await upload(client, chat(f"1.{number}"), token=secret)
        await client.get("/simple/", headers={"Authorization": f"Bearer {secret}"})
        await client.get("/simple/acme-chat/", auth=("__token__", secret))
        await client.get("/simple/", params={"token": secret})
        await client.get(f"/nothing/{secret}")
    return tokens


async def wrong_ways(client: httpx.AsyncClient, index: Program) -> None:
    """Secrets where none belongs, and requests that cannot be read."""
    await upload(client, chat("2.0"), token=WRONG[0])
    await client.get("/api/audit", headers={"Authorization": f"Bearer {WRONG[1]}"})
    await client.get("/simple/", auth=("somebody", WRONG[2]))
    await client.get("/simple/", headers={"Authorization": f"Digest {WRONG[3]}"})
    await upload(client, BuiltWheel("acme_chat-2.0-py3-none-any.whl", b"no wheel"))
    for broken in (
        f"GET /simple/ HTTP/1.1\r\nAuthorization: Bearer {WRONG[4]}\r\nno header\r\n\r\n",
        f"GET /simple/?{WRONG[5]} HTTP/9.9\r\n\r\n",
        f"{WRONG[6]} / HTTP/1.1\r\n\r\n",
        f"GET http://__token__:{WRONG[7]}@x/simple/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        f"GET /simple/{WRONG[8]}",
    ):
        await raw(index, broken)


async def crashes(client: httpx.AsyncClient, index: Program, token: str) -> None:
    """Handlers that end in ways that nobody foresaw."""
    with sqlite3.connect(index.home / "index.sqlite", timeout=PATIENCE) as database:
        database.execute("DROP TABLE audit")
        database.execute("DROP TABLE metadata")
    database.close()
    for answer in (
        await client.post("/api/tokens", json={"name": "y", "actions": ["read"]}),
        await client.get(f"/api/audit?token={token}"),
        await upload(client, chat("3.0"), token=token),
        await upload(client, chat("3.0"), token=ADMIN),
    ):
        assert answer.status_code == 500


async def test_nothing_secret_is_written_whatever_goes_wrong(tmp_path: Path) -> None:
    async with running(tmp_path / "home", "--private") as index, httpx.AsyncClient(base_url=index.url, timeout=PATIENCE) as client:
        client.headers["Authorization"] = f"Bearer {ADMIN}"
        secrets = [ADMIN, *WRONG, *await good_ways(client)]
        status, made = await run(
            *(BIN / "plugin-index", "token", "create", "--name", "cli", "--action", "read"),
            PLUGIN_INDEX_URL=index.url,
            PLUGIN_INDEX_TOKEN=ADMIN,
        )
        assert status == 0
        secrets.append(made.strip())
        await wrong_ways(client, index)
        assert holders(secrets, written(index.home)) == []  # the log ahead of the database is there, too
        await crashes(client, index, secrets[-2])
        assert index.process.stdout is not None
        index.process.terminate()
        async with asyncio.timeout(PATIENCE):
            said = await index.process.stdout.read()
    log = (index.home / "log.txt").read_bytes()
    assert b"no such table" in log
    assert holders(secrets, written(index.home) + said) == []


async def test_the_first_token_is_in_one_file_alone(tmp_path: Path) -> None:
    async with running(tmp_path / "home", PLUGIN_INDEX_ADMIN_TOKEN="") as index, httpx.AsyncClient(base_url=index.url) as client:
        token = (index.home / "admin-token").read_text().strip()
        client.headers["Authorization"] = f"Bearer {token}"
        assert (await client.post("/api/tokens", json={"name": "x", "actions": ["read"]})).status_code == 201
    holding = [path.name for path in index.home.rglob("*") if path.is_file() and token.encode() in path.read_bytes()]
    assert holding == ["admin-token"]
