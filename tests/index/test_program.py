"""The program as a whole: its start and end, its home, what it shows to people, and how much memory an upload takes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import stat
from pathlib import Path

import httpx
import pytest
import uvicorn

from plughost.testing import wheel
from plugin_index.app import create
from tests.index.program import ADMIN, BIN, PATIENCE, Program, chat, run, running, upload

_VERBS = ("yank", "unyank", "quarantine", "unquarantine", "revoke")
API = {
    "/api/plugins/enabled": ["get"],
    "/api/plugins/events": ["get"],
    "/api/plugins": ["get"],
    "/api/plugins/{name}": ["get"],
    "/api/plugins/{name}/enable": ["post"],
    "/api/plugins/{name}/disable": ["post"],
    **{f"/api/projects/{{project}}/{{version}}/{verb}": ["post"] for verb in _VERBS},
    "/api/projects/{project}/{version}": ["delete"],
    "/api/revoked": ["get", "post"],
    "/api/tokens": ["get", "post"],
    "/api/tokens/{identifier}": ["delete"],
    "/api/tokens/{identifier}/rotate": ["post"],
    "/api/audit": ["get"],
}


async def test_what_was_published_and_enabled_is_there_after_a_crash(tmp_path: Path) -> None:
    async with running(tmp_path) as index, httpx.AsyncClient(base_url=index.url, headers={"Authorization": f"Bearer {ADMIN}"}) as client:
        await upload(client, chat())
        await client.post("/api/plugins/chat/enable")
        before = (await client.get("/api/plugins/enabled")).headers["etag"]
        await index.kill()
    async with running(tmp_path) as index, httpx.AsyncClient(base_url=index.url) as client:
        after = await client.get("/api/plugins/enabled")
        assert after.headers["etag"] == before
        (entry,) = after.json()
        wheel_url = client.base_url.join("/api/plugins/enabled").join(entry["remoteEntryUrl"])
        assert (await client.get(wheel_url)).content == chat().data


async def test_a_stop_ends_open_streams_and_the_exit_status_is_0(index: Program, client: httpx.AsyncClient) -> None:
    async with client.stream("GET", "/api/plugins/events") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        index.process.terminate()
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(httpx.RemoteProtocolError):
                async for _ in lines:
                    pass
            assert await index.process.wait() == 0


async def test_the_first_start_makes_an_admin_token_that_only_its_owner_reads(tmp_path: Path) -> None:
    async with running(tmp_path, PLUGIN_INDEX_ADMIN_TOKEN="") as index, httpx.AsyncClient(base_url=index.url) as client:
        file = tmp_path / "admin-token"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        token = file.read_text().strip()
        assert (await client.get("/api/tokens", headers={"Authorization": f"Bearer {token}"})).status_code == 200
        made = (
            await client.post("/api/tokens", json={"name": "x", "actions": ["read"]}, headers={"Authorization": f"Bearer {token}"})
        ).json()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("index.sqlite*"))
    assert token.encode() not in kept
    assert made["token"].encode() not in kept
    async with running(tmp_path, PLUGIN_INDEX_ADMIN_TOKEN="") as index, httpx.AsyncClient(base_url=index.url) as client:
        assert (await client.get("/api/tokens", headers={"Authorization": f"Bearer {token}"})).status_code == 200


async def test_a_home_has_one_index(index: Program) -> None:
    status, said = await run(BIN / "plugin-index", "serve", "--home", index.home, "--port", "0")
    assert status == 1
    assert "another plugin-index serves it" in said
    assert "Traceback" not in said


async def test_a_home_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    status, said = await run(BIN / "plugin-index", "serve", "--home", tmp_path / "file" / "home", "--port", "0")
    assert status == 1
    assert "error[home-not-writable]" in said
    assert "Traceback" not in said


async def test_behind_a_proxy_every_address_keeps_its_prefix(tmp_path: Path) -> None:
    async with running(tmp_path, "--root-path", "/plugins") as index, httpx.AsyncClient(base_url=index.url) as client:
        await upload(client, chat())
        assert (await client.get("/api/plugins/enabled")).headers["link"] == '</plugins/api/plugins/events>; rel="monitor"'
        page = await client.get("/simple/acme-chat/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        assert page.json()["files"][0]["url"].startswith("../../files/")
        assert f"{index.url}/plugins/legacy/" in (await client.get("/")).text
        assert (await client.get("/simple/Acme_Chat/")).headers["location"] == "../acme-chat/"


async def test_health_readiness_and_the_api_s_description(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {path: sorted(verbs) for path, verbs in paths.items()} == API
    assert [path for path, verbs in paths.items() for verb in verbs.values() if not verb.get("description")] == []
    answer = await client.get("/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "path-unknown")
    assert (await client.delete("/api/plugins/enabled")).json()["code"] == "method-not-allowed"


async def test_it_runs_inside_another_program(tmp_path: Path) -> None:
    server = uvicorn.Server(uvicorn.Config(create(tmp_path, admin_token=ADMIN), port=0, log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(PATIENCE):
        while not server.started:
            await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await upload(client, chat())).status_code == 200
    finally:
        server.should_exit = True
        await serving


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process's memory is read from /proc")
async def test_a_large_upload_takes_little_memory(client: httpx.AsyncClient, index: Program) -> None:
    await upload(client, chat())
    before = _peak(index.process.pid)
    noise = random.Random(7).randbytes(48 << 20)
    large = wheel("acme-large", "1.0", {"acme_large/__init__.py": "", "acme_large/noise.bin": noise})
    assert len(large.data) > len(noise)
    answer = await upload(client, large)
    assert answer.status_code == 200, answer.text
    assert _peak(index.process.pid) - before < 24 << 20


def _peak(pid: int) -> int:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


async def test_commands_print_json_and_end_with_1_where_they_are_refused(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    reach = {"PLUGIN_INDEX_URL": index.url, "PLUGIN_INDEX_TOKEN": ADMIN}
    program = BIN / "plugin-index"
    status, said = await run(program, "show", "chat", "--json", **reach)
    assert (status, httpx.Response(200, text=said).json()["project"]) == (0, "acme-chat")
    status, said = await run(program, "enable", "chat", "--version", "9", "--json", **reach)
    assert (status, httpx.Response(200, text=said).json()["code"]) == (1, "release-unknown")
    status, said = await run(program, "yank", "acme-chat", "1.0", "--reason", "broken", **reach)
    assert (status, said.strip()) == (0, "acme-chat 1.0: yanked")
    assert "yanked: broken" in (await run(program, "show", "chat", **reach))[1]
    assert (await run(program, "token", "create", "--name", "x", "--action", "everything", **reach))[0] == 2
    assert (await run(program, "list", **reach | {"PLUGIN_INDEX_URL": "http://127.0.0.1:1"}))[0] == 1
