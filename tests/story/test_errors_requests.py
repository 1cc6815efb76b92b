"""What an operator asks that cannot be: refused with what is wrong and what to do, and what ran stays."""

from __future__ import annotations

import pytest
from fastapi import FastAPI

from plughost.testing import RunningHost
from tests.story.house import HostFactory, Index, hello
from tests.story.refusals import Json, one_serves, one_still_serves, refusal, refused_operation


def url_of(index: Index, name: str = "other", version: str = "1.0") -> str:
    built = hello(version, name=name)
    index.publish(built)
    return f"{index.url}{index.path(built)}#sha256={built.sha256}"


@pytest.mark.parametrize("verb", ["enable", "disable", "upgrade", "rollback", "reload", "resume"])
async def test_a_verb_of_an_unknown_plugin(host: RunningHost, verb: str) -> None:
    problem = await refusal(
        host, "POST", f"/api/plugins/nobody/{verb}", is_="404 plugin-unknown", says=("'nobody'", "`plughost list` shows those")
    )
    assert "operation" not in problem


async def test_an_unknown_plugin_is_not_there_to_be_read_or_removed(host: RunningHost) -> None:
    for method, path in [("GET", ""), ("GET", "/explain"), ("DELETE", ""), ("DELETE", "/override")]:
        await refusal(host, method, f"/api/plugins/nobody{path}", is_="404 plugin-unknown", says=("'nobody'",))


async def test_an_install_of_what_no_source_has(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    body = {"name": "nobody"}
    await refused_operation(host, "POST", "/api/plugins", body, is_="404 plugin-unknown", says=("'nobody'", "`plughost list`"))
    body["project"] = "acme-nobody"
    await refused_operation(
        host, "POST", "/api/plugins", body, is_="404 project-unknown", says=("'acme-nobody'", index.url, "check the spelling")
    )
    await one_still_serves(host)
    assert await host.plugin("nobody") is None


async def test_an_unknown_version_says_which_there_are(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    index.publish(hello("1.1"))
    says = ("acme-hello has no release 7.0", "1.1, 1.0")
    await refused_operation(host, "POST", "/api/plugins/hello/upgrade", {"version": "7.0"}, is_="404 release-unknown", says=says)
    body = {"name": "hello", "version": ">=7"}
    await refused_operation(host, "POST", "/api/plugins", body, is_="404 release-unknown", says=(">=7", "1.1, 1.0"))
    await one_still_serves(host)


async def test_a_version_that_is_none(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    body = {"version": "newest please"}
    await refusal(host, "POST", "/api/plugins/hello/upgrade", body, is_="422 request-invalid", says=("'newest please'", "PEP 440"))
    await one_still_serves(host)


async def test_nothing_to_roll_back_to(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    says = ("no other release of hello", "install the version you want")
    await refusal(host, "POST", "/api/plugins/hello/rollback", is_="409 nothing-to-roll-back-to", says=says)
    await one_still_serves(host)


@pytest.mark.parametrize("name", ["api", "slots", "healthz", "docs", "admin"])
async def test_a_reserved_name(host: RunningHost, index: Index, name: str) -> None:
    body = {"name": name, "url": url_of(index)}
    problem = await refusal(host, "POST", "/api/plugins", body, is_="400 name-reserved", says=(f"'{name}'", "under another name"))
    assert "operation" not in problem


@pytest.mark.parametrize("name", ["Chat", "-chat", "a_b", "", "x" * 65])
async def test_a_name_that_is_none(host: RunningHost, index: Index, name: str) -> None:
    answer = await host.ask("POST", "/api/plugins", {"name": name, "url": url_of(index)})
    assert answer.json()["code"] == ("name-invalid" if name else "request-invalid")


async def test_a_reserved_mount(host: RunningHost, index: Index) -> None:
    body = {"name": "other", "url": url_of(index), "mount": "/api"}
    await refusal(host, "POST", "/api/plugins", body, is_="409 mount-reserved", says=("/api", "choose another mount"))
    body["mount"] = "a/b"
    await refusal(host, "POST", "/api/plugins", body, is_="422 request-invalid", says=("'a/b'", "one path segment"))
    assert await host.plugin("other") is None


async def test_a_mount_that_another_plugin_has(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    body = {"name": "other", "url": url_of(index), "mount": "hello"}
    says = ("/hello belongs to hello", "another mount")
    problem = await refusal(host, "POST", "/api/plugins", body, is_="409 mount-conflict", says=says)
    assert problem["owner"] == "hello"
    await one_still_serves(host)
    assert await host.plugin("other") is None


async def test_a_list_that_gives_a_mount_away_twice(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    await index.say(index.entry(hello("1.0")), {**index.entry(hello("1.0", name="other")), "mount": "hello"})
    index.publish(hello("1.0", name="other"))
    await index.tell()

    other = await host.until_status("other", "failed")

    assert other["error"]["code"] == "mount-conflict"
    assert "/hello belongs to hello" in other["error"]["detail"]
    await one_still_serves(host)

    await index.say(index.entry(hello("1.0", name="other"), mount="hello"))  # the owner leaves: the mount is free
    await host.until_serving("other")
    assert (await host.get("/hello/")).json() == "1.0"


async def test_a_mount_that_the_embedding_application_has(start: HostFactory, index: Index) -> None:
    core = FastAPI()

    @core.get("/accounts/{user}")
    async def account(user: str) -> str:
        return f"the core's {user}"

    async with start(core) as host:
        await one_serves(host, index)
        says = ("/accounts belongs to the embedding application", "another mount")
        body = {"name": "accounts", "url": url_of(index, "accounts")}
        await refused_operation(host, "POST", "/api/plugins", body, is_="409 mount-conflict", says=says)
        body["mount"] = "accounts"
        await refusal(host, "POST", "/api/plugins", body, is_="409 mount-conflict", says=says)

        assert (await host.get("/accounts/ada")).json() == "the core's ada"
        assert (await host.install("accounts", url=body["url"], mount="their-accounts"))["state"] == "succeeded"
        await one_still_serves(host)


async def test_no_token_a_wrong_one_and_a_role_too_low(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)

    async def said(method: str, path: str, token: str | None) -> tuple[int, Json]:
        answer = await host.ask(method, path, token=token)
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code == 401) == ("www-authenticate" in answer.headers)
        return answer.status_code, answer.json()

    created = (await host.ask("POST", "/api/tokens", {"name": "reads", "role": "viewer"})).json()
    operator = (await host.ask("POST", "/api/tokens", {"name": "acts", "role": "operator"})).json()

    status, problem = await said("POST", "/api/plugins/hello/disable", None)
    assert (status, problem["code"]) == (401, "token-missing")
    assert "Authorization: Bearer" in problem["detail"]
    status, problem = await said("GET", "/api/plugins", "guessed")
    assert (status, problem["code"]) == (401, "token-invalid")
    assert "`plughost token create`" in problem["detail"]
    status, problem = await said("POST", "/api/plugins/hello/disable", created["token"])
    assert (status, problem["code"]) == (403, "role-too-low")
    assert (problem["needs"], problem["has"]) == ("operator", "viewer")
    status, problem = await said("GET", "/api/audit", operator["token"])
    assert (status, problem["code"]) == (403, "role-too-low")
    assert "needs the role admin, the token has operator" in problem["detail"]
    assert (await host.ask("GET", "/api/plugins", token=created["token"])).status_code == 200
    await one_still_serves(host)


async def test_a_token_that_has_expired_or_was_deleted(host: RunningHost) -> None:
    expired = (await host.ask("POST", "/api/tokens", {"name": "old", "role": "viewer", "expires": "2020-01-01T00:00:00Z"})).json()
    deleted = (await host.ask("POST", "/api/tokens", {"name": "gone", "role": "viewer"})).json()
    assert (await host.ask("DELETE", f"/api/tokens/{deleted['id']}")).status_code == 204
    for token in (expired["token"], deleted["token"]):
        answer = await host.ask("GET", "/api/plugins", token=token)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")
    says = ("`GET /api/tokens` lists them",)
    await refusal(host, "DELETE", f"/api/tokens/{deleted['id']}", is_="404 token-unknown", says=says)


async def test_too_many_wrong_tokens_are_not_looked_at_any_more(host: RunningHost) -> None:
    answers = [await host.ask("GET", "/api/plugins", token=f"guess {number}") for number in range(30)]
    assert {answer.status_code for answer in answers} == {401, 429}
    last = answers[-1]
    assert last.json()["code"] == "too-many-failures"
    assert int(last.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "name: Field required"),
        ({"name": 7}, "name: Input should be a valid string"),
        ({"name": "other", "verison": "1.0"}, "verison: Extra inputs are not permitted"),
        ({"name": "other", "config": "no"}, "config: Input should be a valid dictionary"),
        ({"name": "other", "isolation": "none"}, "isolation: Input should be 'auto', 'scope' or 'process'"),
        ([], "body: Input should be a valid dictionary"),
    ],
)
async def test_a_body_of_the_wrong_shape(host: RunningHost, index: Index, body: object, says: str) -> None:
    problem = await refusal(host, "POST", "/api/plugins", body, is_="422 request-invalid", says=("wrong shape", says))
    assert any(says in each for each in problem["problems"])


async def test_a_body_that_is_no_json(host: RunningHost) -> None:
    headers = {"Authorization": "Bearer the-admin-token-of-a-test", "Content-Type": "application/json"}
    answer = await host.http.post("/api/plugins", content=b"{not json", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert "JSON decode error" in answer.json()["detail"]


@pytest.mark.parametrize("wait", ["soon", "-1", "61", "nan"])
async def test_a_time_to_wait_that_is_none_is_refused_before_anything_is_done(host: RunningHost, index: Index, wait: str) -> None:
    await one_serves(host, index)
    says = ("not a number of seconds up to 60",)
    await refusal(host, "POST", f"/api/plugins/hello/disable?wait={wait}", is_="422 request-invalid", says=says)
    await one_still_serves(host)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/plugins", {"name": "other", "dry_run": True}),
        ("POST", "/api/plugins/hello/disable", {"dry_run": True}),
        ("POST", "/api/plugins/hello/upgrade", {"dry_run": True}),
        ("DELETE", "/api/plugins/hello?dry_run=true", None),
        ("DELETE", "/api/plugins/hello/override?dry_run=true", None),
        ("PUT", "/api/plugins/hello/config", {"config": {}}),
        ("POST", "/api/pause", None),
        ("POST", "/api/unpause", None),
    ],
)
async def test_what_this_release_does_not_do_yet_is_said_and_not_done(
    host: RunningHost, index: Index, method: str, path: str, body: object
) -> None:
    await one_serves(host, index)
    says = ("not available in this release of plughost", "nothing was changed")
    await refusal(host, method, path, body, is_="422 request-invalid", says=says)
    await one_still_serves(host)


async def test_a_process_of_its_own_is_not_to_be_had_yet(host: RunningHost, index: Index) -> None:
    await one_serves(host, index)
    body = {"name": "hello", "isolation": "process"}
    says = ("'process' is not available", "use 'scope' or 'auto'")
    await refusal(host, "POST", "/api/plugins", body, is_="501 isolation-unavailable", says=says)
    await one_still_serves(host)

    await index.say(index.entry(hello("1.0")), index.entry(hello("1.0", name="other"), isolation="process"))
    other = await host.until_status("other", "failed")
    assert other["error"]["code"] == "isolation-unavailable"
    await one_still_serves(host)


async def test_an_operation_and_a_path_that_are_not_there(host: RunningHost) -> None:
    await refusal(host, "GET", "/api/operations/nothing", is_="404 operation-unknown", says=("'nothing'", "lists those that are"))
    await refusal(host, "GET", "/nobody/at/all", is_="404 path-unknown", says=("/nobody/at/all", "/api/plugins/docs"))
    answer = await host.ask("PUT", "/api/plugins")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"} or "GET" in answer.headers["allow"]
