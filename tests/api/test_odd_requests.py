"""Requests that nobody sends by accident: each is answered plainly, and nothing of it is kept."""

from __future__ import annotations

import pytest

from plughost.testing import RunningHost
from tests.story.house import Index, hello

TOKEN = {"Authorization": "Bearer the-admin-token-of-a-test", "Prefer": "wait=60"}


@pytest.mark.parametrize(
    "body",
    [
        b'{"name": "hello", "config": {"ratio": NaN}}',
        b'{"name": "hello", "config": {"ratio": [1e999]}}',
        b'{"name": "hello", "config": {"word": "\\ud800"}}',
        b'{"name": "hello", "config": {"\\ud800": 1}}',
        b'{"name": "hello", "reason": "\\ud800"}',
        b'{"name": "hello", "mount": "\\ud800"}',
        b'{"name": "hello", "url": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"name": "hello", "config": ' + b'{"a":' * 101 + b"1" + b"}" * 102,
        b'{"name": "hello", "config": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001,
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
async def test_json_that_cannot_be_kept(host: RunningHost, index: Index, body: bytes) -> None:
    index.publish(hello("1.0"))
    headers = {**TOKEN, "Content-Type": "application/json"}
    answer = await host.http.post("/api/plugins", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert (await host.ask("GET", "/api/plugins")).json()["plugins"] == []


@pytest.mark.parametrize("page", ["99999999999999999999999", "-1", "x", "1" * 5000])
async def test_a_page_that_is_none(host: RunningHost, page: str) -> None:
    answer = await host.ask("GET", f"/api/audit?next={page}")
    assert answer.status_code == 422
    answer = await host.ask("GET", f"/api/operations?next={page}")
    assert answer.status_code in {200, 422}


async def test_a_last_event_id_of_thousands_of_digits(host: RunningHost) -> None:
    answer = await host.http.get("/api/events", headers={**TOKEN, "Last-Event-ID": "1" * 5000})
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")


@pytest.mark.parametrize("name", ["%00", "a%2Fb", "..%2f..", "%F0%9F%90%8D", "a%20b", "A"])
async def test_names_that_are_none(host: RunningHost, name: str) -> None:
    for method, path in [("GET", ""), ("GET", "/explain"), ("POST", "/disable"), ("DELETE", "")]:
        problem = await host.refused(method, f"/api/plugins/{name}{path}")
        assert problem["status"] in {400, 404}


async def test_a_hash_without_a_url_is_not_silently_ignored(host: RunningHost, index: Index) -> None:
    index.publish(hello("1.0"))
    body = {"name": "hello", "project": "acme-hello", "integrity": hello("2.0").integrity}
    problem = await host.refused("POST", "/api/plugins", body)
    assert problem["code"] == "request-invalid"
    assert "integrity goes with url" in problem["detail"]


async def test_an_entry_of_a_listed_plugin_is_taken(host: RunningHost, index: Index) -> None:
    await index.list(hello("1.0", extra="\nother = APIRouter()\n@other.get('/')\nasync def other_says():\n    return 'the other'\n"))
    await host.until_serving("hello")
    await host.install("hello", exposedModule="hello_plugin:other")
    assert (await host.get("/hello/")).json() == "the other"


async def test_how_a_browser_should_see_it_is_not_available_yet(host: RunningHost, index: Index) -> None:
    problem = await host.refused("POST", "/api/plugins", {"name": "hello", "browser": "page"})
    assert "not available in this release" in problem["detail"]


SETTINGS = """
from pydantic import BaseModel

class Settings(BaseModel):
    password: int = 0

plugin = Plugin(routes=router, settings=Settings)
"""


async def test_a_config_that_is_refused_does_not_tell_its_secrets(
    host: RunningHost, index: Index, caplog: pytest.LogCaptureFixture
) -> None:
    index.publish(hello("1.0", extra=SETTINGS))
    body = {"name": "hello", "project": "acme-hello", "config": {"password": "canary-77"}}
    answer = await host.ask("POST", "/api/plugins", body)
    assert answer.json()["code"] == "config-invalid"
    assert "password" in answer.json()["detail"]
    told = [answer.text, caplog.text]
    told += [(await host.ask("GET", path)).text for path in ("/api/plugins", "/api/operations", "/api/audit")]
    assert not [text for text in told if "canary-77" in text]
