"""Who may do what: tokens, roles over every route, guesses, and that nothing secret is written anywhere."""

from __future__ import annotations

import base64
import logging
import stat
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello
from tests.story.process import child, put

Json = dict[str, Any]
OPEN = {
    "/healthz",
    "/readyz",
    "/slots/{slot}",
    "/api/plugins/enabled",
    "/api/plugins/events",
}
"""Nobody has to say who they are."""
ROLES = ("viewer", "operator", "admin")
EMPTY = base64.b64encode(b"__token__:").decode()
"""A token of no characters."""


async def token(host: RunningHost, role: str, **more: object) -> Json:
    answer = await host.ask("POST", "/api/tokens", {"name": f"a {role}", "role": role, **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


def needed(method: str, path: str) -> str | None:
    """The role of contract §4."""
    if path in OPEN:
        return None
    if path.startswith(("/api/tokens", "/api/audit")):
        return "admin"
    return "viewer" if method == "GET" else "operator"


async def test_every_route_asks_for_its_role(host: RunningHost) -> None:
    document = (await host.get("/api/plugins/openapi.json")).json()
    tokens = {role: (await token(host, role))["token"] for role in ROLES}
    routes = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods]
    assert len(routes) > 25

    wrong: list[object] = []
    for method, path in routes:
        if path in {"/api/events", "/api/plugins/events"}:
            continue  # they never end; asked for below
        role = needed(method, path)
        url = path.replace("{name}", "nobody").replace("{slot}", "none").replace("{identifier}", "none")
        bare = await host.ask(method, url, {} if method in {"POST", "PUT"} else None, wait=0, token=None)
        if (bare.status_code == 401) != (role is not None):
            wrong.append((method, path, "no token", bare.status_code))
        for has, secret in tokens.items():
            answer = await host.ask(method, url, {} if method in {"POST", "PUT"} else None, wait=0, token=secret)
            low = role is not None and ROLES.index(has) < ROLES.index(role)
            if (answer.status_code == 403) != low or answer.status_code in {401, 405, 500}:
                wrong.append((method, path, has, answer.status_code))
    assert wrong == []


@pytest.mark.parametrize("path", ["/api/events", "/api/plugins/events"])
async def test_who_may_follow_events(host: RunningHost, path: str) -> None:
    viewer = (await token(host, "viewer"))["token"]
    for secret in (None, "guessed", viewer):
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        async with host.http.stream("GET", path, headers=headers) as response:
            may = path == "/api/plugins/events" or secret == viewer
            assert response.status_code == (200 if may else 401)


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT", "PATCH"])
@pytest.mark.parametrize("path", ["/api/plugins/enabled", "/api/plugins/events", "/api/plugins/openapi.json", "/api/plugins/docs"])
async def test_what_everyone_may_read_is_not_everyones_to_change(host: RunningHost, method: str, path: str) -> None:
    answer = await host.ask(method, path, token=None)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")


async def test_what_needs_no_token_takes_a_wrong_one(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    for path in ("/hello/", "/slots/greetings", "/healthz", "/openapi.json", "/docs", "/redoc", "/api/plugins/docs"):
        assert (await host.ask("GET", path, token="someone else's")).status_code == 200, path


async def test_a_token_is_told_once(host: RunningHost) -> None:
    made = await token(host, "viewer")
    listed = (await host.ask("GET", "/api/tokens")).json()["tokens"]
    assert [row["id"] for row in listed] == [made["id"]]
    assert made["token"] not in str(listed)
    assert listed[0] == {key: made[key] for key in ("id", "name", "role", "created", "expires", "used")}


async def test_the_last_use_of_a_token_is_seen(host: RunningHost) -> None:
    made = await token(host, "viewer")
    assert made["used"] is None
    assert (await host.ask("GET", "/api/plugins", token=made["token"])).status_code == 200
    row = (await host.ask("GET", "/api/tokens")).json()["tokens"][0]
    assert row["used"] >= row["created"]


@pytest.mark.parametrize("ahead", [3600, 3600.5, "text"])
async def test_a_token_may_expire(host: RunningHost, ahead: float | str) -> None:
    expires = "2999-01-01T00:00:00Z" if isinstance(ahead, str) else type(ahead)(time.time() + ahead)
    made = await token(host, "viewer", expires=expires)
    assert made["expires"]
    assert (await host.ask("GET", "/api/plugins", token=made["token"])).status_code == 200
    over = await token(host, "viewer", expires=1)
    assert over["expires"].startswith("1970-01-01T00:00:01")
    assert (await host.ask("GET", "/api/plugins", token=over["token"])).json()["code"] == "token-invalid"


@pytest.mark.parametrize(
    "body",
    [
        {"role": "viewer"},
        {"name": "x"},
        {"name": "x", "role": "king"},
        {"name": "", "role": "viewer"},
        {"name": "x", "role": "viewer", "expires": "soon"},
        {"name": "x", "role": "viewer", "expires": 1e300},
        {"name": "x", "role": "viewer", "token": "mine"},
    ],
)
async def test_a_token_that_cannot_be_made(host: RunningHost, body: Json) -> None:
    problem = await host.refused("POST", "/api/tokens", body)
    assert (problem["status"], problem["code"]) == (422, "request-invalid")
    assert (await host.ask("GET", "/api/tokens")).json() == {"tokens": []}


async def test_a_deleted_token_is_worth_nothing_at_once(host: RunningHost) -> None:
    made = await token(host, "admin")
    assert (await host.ask("DELETE", f"/api/tokens/{made['id']}", token=made["token"])).status_code == 204
    assert (await host.ask("GET", "/api/plugins", token=made["token"])).status_code == 401


async def test_guesses_are_counted_and_a_right_token_is_looked_at_again_only_later(host: RunningHost) -> None:
    codes = [(await host.ask("GET", "/api/plugins", token=f"guess {number}")).json()["code"] for number in range(21)]
    assert codes == ["token-invalid"] * 20 + ["too-many-failures"]
    answer = await host.ask("GET", "/api/plugins")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-failures")
    assert 0 < int(answer.headers["retry-after"]) <= 60
    assert (await host.get("/healthz")).status_code == 200


async def test_missing_tokens_are_no_guesses(host: RunningHost) -> None:
    for _ in range(30):
        assert (await host.ask("GET", "/api/plugins", token=None)).status_code == 401
    assert (await host.ask("GET", "/api/plugins")).status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "basic"])
async def test_how_a_token_may_be_given(host: RunningHost, scheme: str) -> None:
    secret = (await token(host, "viewer"))["token"]
    if scheme == "basic":
        answer = await host.http.get("/api/plugins", auth=httpx.BasicAuth("__token__", secret))
    else:
        answer = await host.http.get("/api/plugins", headers={"Authorization": f"{scheme} {secret}"})
    assert answer.status_code == 200


@pytest.mark.parametrize("given", ["", "Bearer", f"Basic {EMPTY}", "Basic x", "Digest abc", "Bearer \xff\xfe"])
async def test_a_header_that_holds_no_token(host: RunningHost, given: str) -> None:
    answer = await host.http.get("/api/plugins", headers={b"Authorization": given.encode("latin-1")})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_audit_trail_says_who_from_where_and_why(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    made = await token(host, "operator")
    body = {"name": "hello", "project": "acme-hello", "reason": "they asked for it"}
    answer = await host.ask("POST", "/api/plugins", body, token=made["token"])
    await host.ask("DELETE", "/api/plugins/hello?reason=no+more", token=made["token"])
    await host.ask("DELETE", f"/api/tokens/{made['id']}")

    rows = (await host.ask("GET", "/api/audit")).json()["audit"]
    assert (rows[-1]["verb"], rows[-1]["by"]) == ("token.create", "admin")
    assert rows[-1]["detail"] == {"id": made["id"], "name": "a operator", "role": "operator"}
    assert (rows[0]["verb"], rows[0]["detail"]) == ("token.delete", {"id": made["id"]})
    assert made["token"] not in str(rows)
    installed = [row for row in rows if row["verb"] == "install"]
    assert {(row["by"], row["origin"], row["reason"]) for row in installed} == {("a operator", "127.0.0.1", "they asked for it")}
    assert {row["detail"]["operation"] for row in installed} == {answer.json()["id"]}
    assert installed[0]["detail"]["state"] == "succeeded"
    removed = [row for row in rows if row["verb"] == "uninstall"]
    assert {(row["by"], row["reason"]) for row in removed} == {("a operator", "no more")}
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)

    page = (await host.ask("GET", "/api/audit?limit=2")).json()
    rest = (await host.ask("GET", f"/api/audit?limit=500&next={page['next']}")).json()
    assert page["audit"] + rest["audit"] == rows
    assert {row["plugin"] for row in (await host.ask("GET", "/api/audit?plugin=hello")).json()["audit"]} == {"hello"}


async def test_what_a_list_did_is_in_the_audit_trail_too(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0"))
    await host.until_serving("hello")
    rows = (await host.ask("GET", "/api/audit")).json()["audit"]
    assert {(row["by"], row["verb"], row["plugin"]) for row in rows} == {(f"list:{index.url}", "install", "hello")}


CANARY = "canary-4f0d5c9b"


async def test_nothing_secret_is_written(start: HostFactory, index: Index, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    index.publish(hello("1.0"))
    async with start(admin_token=CANARY, index_token=f"{CANARY}-index") as host:

        async def ask(method: str, path: str, json: object = None, token: str = CANARY) -> httpx.Response:
            return await host.ask(method, path, json, token=token)

        made = (await ask("POST", "/api/tokens", {"name": "ci", "role": "admin"})).json()["token"]
        assert (await ask("POST", "/api/plugins", {"name": "hello", "project": "acme-hello"}, token=made)).status_code == 200
        await ask("GET", "/api/plugins", token=f"{CANARY}-guess")
        answers = [(await ask("GET", path)).text for path in ("/api/audit", "/api/operations", "/api/tokens", "/api/plugins/hello/explain")]

    kept = {path: path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()}
    assert kept
    for secret in (CANARY, made):
        assert not [path for path, data in kept.items() if secret.encode() in data]
        assert secret not in caplog.text
        assert not [answer for answer in answers if secret in answer]


async def test_the_first_start_makes_a_token_and_shows_it_once(tmp_path: Path) -> None:
    home = tmp_path / "home"
    put(home, hello("1.0"))
    shown: list[str] = []
    for _ in range(2):
        async with child(home, PLUGHOST_ADMIN_TOKEN="") as running:
            shown += running.printed
            path = home / "admin-token"
            secret = path.read_text().strip()
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            answer = await running.http.get("/api/tokens", headers={"Authorization": f"Bearer {secret}"})
            assert answer.status_code == 200
            assert (await running.http.get("/api/tokens", headers={"Authorization": f"Basic {EMPTY}"})).status_code == 401
            await running.stop()
    assert [line for line in shown if secret in line] == [f"admin token: {secret} (shown once, kept in {path})"]
    assert secret not in running.log.read_text()


async def test_a_token_that_is_set_is_valid_while_it_is_set(start: HostFactory, tmp_path: Path) -> None:
    async with start(admin_token="set") as host:
        assert (await host.ask("GET", "/api/tokens", token="set")).status_code == 200
    assert not (tmp_path / "home" / "admin-token").exists()
    async with start(admin_token="another") as host:
        assert (await host.ask("GET", "/api/tokens", token="set")).status_code == 401
