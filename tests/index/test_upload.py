"""Uploads: what is taken, what is refused and why, and that nothing half stays."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from plughost.testing import BuiltWheel, broken_wheel
from tests.index.program import ADMIN, Program, chat, running, upload


def blobs(index: Program) -> list[Path]:
    return [path for path in (index.home / "blobs").rglob("*") if path.is_file()]


def staged(index: Program) -> list[Path]:
    return [*(index.home / "staging").iterdir()]


async def refused(client: httpx.AsyncClient, index: Program, built: BuiltWheel, status: int, **fields: str) -> str:
    answer = await upload(client, built, **fields)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert set(said) == {"message", "code", "title"}
    assert answer.reason_phrase[:40] == said["message"][:40]
    assert not staged(index)
    return str(said["code"])


async def test_identical_bytes_again_are_fine_and_other_bytes_are_not(client: httpx.AsyncClient, index: Program) -> None:
    assert (await upload(client, chat())).status_code == 200
    assert (await upload(client, chat())).status_code == 200
    assert "File already exists" in await refused(client, index, chat(says="# other"), 400)
    assert len(blobs(index)) == 1


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({":action": "doc_upload"}, "action-gone"),
        ({"sha256_digest": "0" * 64}, "digest-mismatch"),
        ({"md5_digest": "0" * 32}, "digest-mismatch"),
        ({"name": "other"}, "form-mismatch"),
        ({"version": "2.0"}, "form-mismatch"),
        ({"requires_python": ">=3.99"}, "form-mismatch"),
        ({"requires_dist": "requests<3"}, "form-mismatch"),
        ({"requires_dist": "not a requirement"}, "upload-invalid"),
    ],
)
async def test_a_form_that_lies_is_refused(client: httpx.AsyncClient, index: Program, fields: dict[str, str], said: str) -> None:
    status = 410 if said == "action-gone" else 400
    assert said in await refused(client, index, chat(requires_python=">=3.8"), status, **fields)
    assert not blobs(index)


async def test_a_form_that_spells_the_same_otherwise_is_no_lie(client: httpx.AsyncClient) -> None:
    answer = await upload(client, chat("1.0"), name="Acme.Chat", version="1.0.0")
    assert answer.status_code == 200, answer.text


async def test_a_broken_wheel_and_an_sdist_are_refused(client: httpx.AsyncClient, index: Program) -> None:
    assert "archive-refused" in await refused(client, index, broken_wheel("record-hash", "acme-broken", "1.0"), 400)
    assert "wheels only" in await refused(client, index, BuiltWheel("acme-chat-1.0.tar.gz", b"x"), 400)
    assert not blobs(index)


async def test_a_plugin_name_belongs_to_the_project_that_published_it_first(client: httpx.AsyncClient, index: Program) -> None:
    await upload(client, chat())
    assert "plugin-name-taken" in await refused(client, index, chat(project="other-chat"), 409)
    assert "name-reserved" in await refused(client, index, chat(project="acme-api", plugin="api"), 400)


async def test_who_may_not_upload_hears_why(client: httpx.AsyncClient, index: Program) -> None:
    made = (await client.post("/api/tokens", json={"name": "ci", "actions": ["upload"], "projects": ["acme-*"]})).json()["token"]
    reader = (await client.post("/api/tokens", json={"name": "r", "actions": ["read"]})).json()["token"]
    assert (await upload(client, chat(), token=made)).status_code == 200
    assert (await upload(client, chat(project="other", plugin=None), token=made)).status_code == 403
    assert (await upload(client, chat("2.0"), token=reader)).status_code == 403
    assert (await upload(client, chat("2.0"), token="wrong")).status_code == 403
    answer = await upload(client, chat("2.0"), token=None)
    assert (answer.status_code, answer.headers["www-authenticate"].split()[0]) == (401, "Basic")


async def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, "--max-size", "500") as index, httpx.AsyncClient(base_url=index.url) as client:
        assert "wheel-too-large" in await refused(client, index, chat(), 413)


async def test_two_that_race_with_different_bytes_have_one_winner(client: httpx.AsyncClient, index: Program) -> None:
    wheels = [chat(says=f"# {number}") for number in range(6)]
    answers = await asyncio.gather(*(upload(client, each) for each in wheels))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]
    assert len(blobs(index)) == 1
    page = (await client.get("/simple/acme-chat/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})).json()
    assert [file["hashes"]["sha256"] for file in page["files"]] == [blobs(index)[0].name]


async def test_ten_that_race_with_the_same_bytes_all_succeed(client: httpx.AsyncClient, index: Program) -> None:
    answers = await asyncio.gather(*(upload(client, chat()) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(blobs(index)) == 1


async def test_a_crash_in_mid_upload_leaves_nothing_half(tmp_path: Path) -> None:
    async with running(tmp_path) as index:
        host, port = httpx.URL(index.url).host, httpx.URL(index.url).port
        _, writer = await asyncio.open_connection(host, port)
        head = f"POST /legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        part = '--b\r\nContent-Disposition: form-data; name="content"; filename="acme_chat-1.0-py3-none-any.whl"\r\n\r\n'
        writer.write(f"{head}Content-Length: 1000000\r\n\r\n{part}".encode() + b"x" * 200_000)
        await writer.drain()
        async with asyncio.timeout(60):
            while not any(path.stat().st_size for path in staged(index)):
                await asyncio.sleep(0.02)
        await index.kill()
        writer.close()
    async with running(tmp_path) as index, httpx.AsyncClient(base_url=index.url) as client:
        assert not staged(index)
        assert (await client.get("/simple/acme-chat/")).status_code == 404
        assert (await upload(client, chat())).status_code == 200


async def test_a_client_that_hangs_up_leaves_nothing(client: httpx.AsyncClient, index: Program) -> None:
    async def cut() -> None:
        host, port = httpx.URL(index.url).host, httpx.URL(index.url).port
        _, writer = await asyncio.open_connection(host, port)
        head = f"POST /legacy/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        writer.write(f"{head}Content-Length: 1000000\r\n\r\n--b\r\n".encode())
        await writer.drain()
        writer.close()

    await cut()
    assert (await upload(client, chat())).status_code == 200
    async with asyncio.timeout(60):
        while staged(index):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    "name", ["acme_chat-1.0-py3-none-any.whl\r\nX-Evil: 1", "../../acme_chat-1.0-py3-none-any.whl", "a\x00.whl", "ünï.whl"]
)
async def test_names_do_not_reach_headers_or_other_folders(client: httpx.AsyncClient, index: Program, name: str) -> None:
    answer = await upload(client, BuiltWheel(name, b"no wheel"))
    assert answer.status_code == 400
    assert "x-evil" not in answer.headers
    assert not blobs(index)


async def test_every_change_is_an_audit_row(client: httpx.AsyncClient) -> None:
    await upload(client, chat())
    await client.post("/api/plugins/chat/enable", json={"reason": "for all"})
    await client.post("/api/projects/acme-chat/1.0/yank", json={"reason": "broken"})
    rows = (await client.get("/api/audit")).json()["audit"]
    assert [(row["verb"], row["subject"], row["reason"]) for row in rows] == [
        ("yank", "acme-chat 1.0", "broken"),
        ("enable", "chat", "for all"),
        ("upload", chat().filename, ""),
    ]
    assert {row["by"] for row in rows} == {"admin"}
    assert json.dumps(rows).count(ADMIN) == 0


async def test_what_comes_after_the_file_and_is_not_read_is_passed_over(client: httpx.AsyncClient) -> None:
    built = chat()
    files: dict[str, tuple[str | None, bytes]] = {
        "content": (built.filename, built.data),
        "attestations": (None, b"y" * (3 << 20)),
        ":action": (None, b"file_upload"),
    }
    answer = await client.post("/legacy", files=files)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("headers", [{"Content-Type": "multipart/form-data"}, {"Content-Type": "text/plain"}, {}])
async def test_a_body_that_is_no_form_is_refused(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await client.post("/legacy/", content=b"nothing", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json")
    assert "boundary" in answer.reason_phrase


async def test_guessing_tokens_is_slowed_down(client: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=client.base_url) as bare:
        for number in range(20):
            assert (await bare.get("/api/tokens", headers={"Authorization": f"Bearer {number}"})).status_code == 401
        answer = await bare.get("/api/tokens", headers={"Authorization": "Bearer 21"})
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-failures")
    assert int(answer.headers["retry-after"]) >= 1
