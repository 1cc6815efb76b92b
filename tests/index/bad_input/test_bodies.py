"""What stands in the bodies of calls and uploads: whatever it is, it is refused with a code, and nothing breaks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.testing import BuiltWheel
from plugin_index.app import PluginIndex
from plugin_index.bodies import LARGEST, Pace
from tests.index.inside import asked, inside, sent
from tests.index.program import chat

CALLS = ["/api/plugins/chat/enable", "/api/plugins/chat/disable", "/api/projects/acme-chat/1.0/yank", "/api/revoked", "/api/tokens"]


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[PluginIndex]:
    async with inside(tmp_path / "home", pace=Pace(call=0.3)) as made:
        yield made


@pytest.fixture
async def client(app: PluginIndex) -> AsyncIterator[httpx.AsyncClient]:
    async with asked(app) as made:
        yield made


def code(answer: httpx.Response) -> str:
    return str(answer.json()["code"]).partition(":")[0]


NESTED = b'{"reason": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BODIES = [
    NESTED,
    b"[" * 500_000,
    b'{"reason": ' + b"9" * 10_000 + b"}",
    b'{"expires": ' + b"9" * 400 + b', "name": "x", "actions": ["read"]}',
    b'{"expires": -1e400, "name": "x", "actions": ["read"]}',
    b'{"expires": NaN, "name": "x", "actions": ["read"]}',
    b'{"reason": "\\ud800"}',
    b'{"\\ud800": 1}',
    b'{"reason": "\xed\xa0\x80"}',
    b"\xff\xfe{\x00}\x00",
    b"\x00",
    b"null",
    b"[]",
    b'"text"',
    b'{"reason": "a", "reason": {}}',
    b'{"version": {"$ne": 1}}',
]


@pytest.mark.parametrize("path", CALLS)
async def test_whatever_the_body_is_it_is_taken_or_refused(client: httpx.AsyncClient, path: str) -> None:
    await sent(client, chat())
    for body in BODIES:
        for media in ("application/json", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=nothing"):
            answer = await client.post(path, content=body, headers={"Content-Type": media})
            assert answer.status_code < 500, (body[:50], media)
            if not answer.is_success:
                assert answer.headers["content-type"] == "application/problem+json"
    assert (await client.get("/api/tokens")).status_code == 200


@pytest.mark.parametrize("path", [*CALLS, "/api/nothing"])
async def test_a_body_that_is_larger_than_any_call_needs_is_refused(client: httpx.AsyncClient, path: str) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * LARGEST
        raise AssertionError("all of it was read")

    answer = await client.post(path, content=endless(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer)) == (413, "request-too-large")
    answer = await client.post(path, content=b"{}", headers={"Content-Length": str(1 << 60)})
    assert (answer.status_code, code(answer)) == (413, "request-too-large")
    answer = await client.post(path, content=b"{" + b" " * (LARGEST - 2) + b"}", headers={"Content-Type": "application/json"})
    assert answer.status_code != 413


@pytest.mark.parametrize("path", ["/api/plugins/chat/enable", "/api/tokens"])
async def test_a_body_that_does_not_come_is_not_waited_for(client: httpx.AsyncClient, path: str) -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = await client.post(path, content=stuck(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, code(answer), answer.headers["connection"]) == (408, "request-too-slow", "close")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"version": "9" * 5000}, "form-mismatch"),
        ({"version": "1.0\r\nX-Evil: 1"}, "form-mismatch"),
        ({"name": "acme-chat\r\nX-Evil: 1"}, "form-mismatch"),
        ({"requires_dist": "a>=" + "9" * 5000}, "upload-invalid"),
        ({"requires_dist": "a[" * 5000}, "upload-invalid"),
        ({"requires_python": "\r\nX-Evil: 1"}, "form-mismatch"),
        ({":action": "x\r\nX-Evil: 1"}, "action-gone"),
        ({"sha256_digest": "x\r\nX-Evil: 1\x00"}, "digest-mismatch"),
        ({"md5_digest": "\U0001f600"}, "digest-mismatch"),
    ],
)
async def test_a_form_that_is_strange_is_refused_in_one_line(client: httpx.AsyncClient, fields: dict[str, str], said: str) -> None:
    answer = await sent(client, chat(), **fields)
    assert (answer.status_code // 100, code(answer)) == (4, said)
    assert "x-evil" not in answer.headers


NAMES = [
    "acme_chat-" + "9" * 5000 + "-py3-none-any.whl",
    "acme_chat-1.0-py3-none-any.whl" + "\r\nX-Evil: 1",
    "a\x00b-1.0-py3-none-any.whl",
    "../../../acme_chat-1.0-py3-none-any.whl/..",
    "..\\acme_chat-1.0-py3-none-any.whl",
    "C:\\acme_chat-1.0-py3-none-any.whl",
    "/",
    ".whl",
    "-.whl",
    "----.whl",
    "acme_chat-1.0-" + "1" * 5000 + "-py3-none-any.whl",
    "acme_chat-1.0-" + ".".join(["py3"] * 60) + "-" + ".".join(["none"] * 60) + "-" + ".".join(["any"] * 60) + ".whl",
    "ä" * 300 + "-1.0-py3-none-any.whl",
    "\U0001f600-1.0-py3-none-any.whl",
    "x" * 2000 + "-1.0-py3-none-any.whl",
]


@pytest.mark.parametrize("name", NAMES)
async def test_a_file_name_that_is_none_is_refused(client: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    answer = await sent(client, BuiltWheel(name, chat().data))
    if "\\acme_chat-1.0" in name:
        assert answer.status_code in {200, 400}  # old browsers send the whole path; what is before the name is no part of it
    else:
        assert answer.status_code == 400, answer.text
    assert list((tmp_path / "home" / "staging").iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"home"}


@pytest.mark.parametrize(
    "media",
    [
        "multipart/form-data; boundary*0=x",
        "multipart/form-data; boundary*" + "9" * 5000 + "=x",
        "multipart/form-data; boundary=" + "x" * 5000,
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary="',
        "multipart/form-data; boundary=ü",
        "multipart/form-data;" + ";" * 20_000,
        "text/plain",
    ],
)
async def test_a_boundary_that_is_none_is_refused(client: httpx.AsyncClient, media: str) -> None:
    answer = await client.post("/legacy/", content=b"--x\r\n", headers={b"Content-Type": media.encode("latin-1")})
    assert (answer.status_code, code(answer)) == (400, "upload-invalid")


REASONS = st.text(max_size=200)


@settings(deadline=None, max_examples=30)
@given(reason=REASONS)
def test_a_reason_comes_back_as_it_was_given_and_gets_into_no_header(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    async def given_and_read() -> None:
        async with inside(tmp_path_factory.mktemp("home")) as app, asked(app) as client:
            await sent(client, chat())
            for verb in ("yank", "quarantine", "revoke"):
                answer = await client.post(f"/api/projects/acme-chat/1.0/{verb}", json={"reason": reason})
                assert answer.status_code == 200
            (file,) = answer.json()["releases"][0]["files"]
            assert file["yanked"] == file["quarantined"] == file["revoked"] == reason
            refused = await sent(client, chat())
            assert refused.status_code == 403
            withheld = await client.get(f"/files/{chat().sha256}/{chat().filename}")
            for each in (refused, withheld):
                assert {"\r", "\n"}.isdisjoint("".join(f"{name}{value}" for name, value in each.headers.items()))
            assert (await client.get("/api/revoked")).json()["revoked"][0]["reason"] == reason
            for path in ("/simple/acme-chat/", "/projects/acme-chat/", "/api/audit"):
                assert (await client.get(path)).status_code == 200

    asyncio.run(given_and_read())


async def test_names_that_normalise_to_one_are_one_project(client: httpx.AsyncClient) -> None:
    for version, name in (("1.0", "Acme.Chat"), ("1.1", "acme_chat"), ("1.2", "ACME--chat")):
        built = chat(version)
        answer = await sent(client, built, name=name)
        assert answer.status_code == 200, answer.text
    page = (await client.get("/simple/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})).json()
    assert page["projects"] == [{"name": "acme-chat"}]
    for name, version in (("Acme.Chat", "1.0.0"), ("ACME--chat", "v1.1"), ("acme_chat", "1.2.0.0")):
        answer = await client.post(f"/api/projects/{name}/{version}/yank", json={"reason": "x"})
        assert answer.status_code == 200, answer.text
    shown = (await client.get("/api/plugins/chat")).json()
    assert [file["yanked"] for release in shown["releases"] for file in release["files"]] == ["x"] * 3


async def test_versions_that_are_equal_are_one_release_for_every_verb(client: httpx.AsyncClient) -> None:
    one, other = chat("1.0", tag="py3-none-any"), chat("1.0.0", tag="py3-none-manylinux_2_17_x86_64")
    for built in (one, other):
        assert json.loads((await sent(client, built)).text or "{}") == {}
    assert code(await sent(client, chat("1.0.0", tag="py3-none-any"))) == "file-exists"
    for verb in ("yank", "unyank", "quarantine", "unquarantine", "revoke"):
        answer = await client.post(f"/api/projects/acme-chat/1/{verb}", json={"reason": "x"})
        assert answer.status_code == 200
    answer = await client.delete("/api/projects/acme-chat/1.0.0.0", params={"reason": "x"})
    files = [file for release in answer.json()["releases"] for file in release["files"]]
    assert [(file["revoked"], file["removed"] is not None) for file in files] == [("x", True), ("x", True)]
