"""Errors as problem details (RFC 9457)."""

from __future__ import annotations

import json

import pytest
from starlette.types import Message

from plughost.errors import AddressUnavailable, DiskFull, HostStopping, SourceUnreachable, describe
from plughost.http.problem import MEDIA_TYPE, TYPES, problem, problem_response, send_problem


def test_a_problem_says_what_the_error_says() -> None:
    said = problem(DiskFull("/var/lib/plughost"), operation="op-1")
    assert said == {
        "type": f"{TYPES}disk-full",
        "title": "Disk full",
        "status": 507,
        "detail": "no room is left at /var/lib/plughost; nothing half-written stays, free some space and try again",
        "code": "disk-full",
        "path": "/var/lib/plughost",
        "operation": "op-1",
    }


def test_a_description_that_was_kept_makes_the_same_problem() -> None:
    error = SourceUnreachable("https://plugins.example.com", "it is off")
    assert problem(dict(describe(error))) == problem(error)


def test_a_stranger_is_a_host_error() -> None:
    response = problem_response(KeyError("x"))
    assert response.status_code == 500
    assert json.loads(bytes(response.body))["code"] == "host-error"


def test_a_response_is_no_page_that_somebody_may_keep() -> None:
    response = problem_response(DiskFull("/x"), headers={"X-More": "1"})
    assert response.status_code == 507
    assert response.headers["content-type"] == MEDIA_TYPE
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-more"] == "1"
    assert "retry-after" not in response.headers
    assert "www-authenticate" not in response.headers


@pytest.mark.parametrize(
    ("members", "after"),
    [({"retry_after": 0.2}, "1"), ({"retry_after": 2.1}, "3"), ({"retry_after": 7}, "7"), ({}, "1"), ({"retry_after": None}, "1")],
)
def test_who_has_to_wait_is_told_how_long_in_whole_seconds(members: dict[str, object], after: str) -> None:
    assert problem_response({**describe(HostStopping()), **members}).headers["retry-after"] == after


def test_who_is_not_known_is_told_how_to_say_who_they_are() -> None:
    response = problem_response({"code": "unauthorised", "status": 401, "detail": "say who you are"})
    assert response.headers["www-authenticate"] == 'Bearer realm="plughost"'


def test_text_of_any_script_stays_readable() -> None:
    response = problem_response(SourceUnreachable("https://plugins.example.com", "b\u00fccher \u2603 \ud83d"))
    assert "b\u00fccher \u2603" in json.loads(bytes(response.body))["detail"]


@pytest.mark.parametrize("error", [DiskFull("/x"), HostStopping(), AddressUnavailable("127.0.0.1", 1, "taken"), RuntimeError("x")])
async def test_a_raw_answer_is_the_same_as_the_response(error: BaseException) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_problem(send, error, plugin="chat")
    response = problem_response(error, plugin="chat")
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[0]["status"] == response.status_code
    assert dict(sent[0]["headers"]) == dict(response.raw_headers)
    assert json.loads(sent[1]["body"]) == json.loads(bytes(response.body))
