"""Bearer tokens (RFC 6750)."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.http.bearer import Failures, bearer_of, hash_token, matches, new_token


def _basic(text: str) -> bytes:
    return b"Basic " + base64.b64encode(text.encode())


def test_a_new_token_is_a_secret_that_scanners_know() -> None:
    tokens = {new_token("plughost") for _ in range(100)}
    assert len(tokens) == 100
    assert all(re.fullmatch(r"plughost_[A-Za-z0-9_-]{43}", token) for token in tokens)


def test_only_the_token_itself_has_its_hash() -> None:
    token = new_token("plughost")
    stored = hash_token(token)
    assert token not in stored
    assert matches(token, stored)
    assert not matches(token[:-1], stored)
    assert not matches("", stored)
    assert not matches(stored, stored)


@given(st.text())
@settings(deadline=None)
def test_any_text_that_a_request_may_bring_is_compared_and_never_raises(text: str) -> None:
    as_it_arrives = text.encode("utf-8", "surrogatepass").decode("latin-1")
    assert matches(as_it_arrives, hash_token(as_it_arrives))
    assert not matches(text + "x", hash_token(as_it_arrives))


@pytest.mark.parametrize(
    ("value", "token"),
    [
        (b"Bearer abc", "abc"),
        (b"bearer abc", "abc"),
        (b"BEARER   abc  ", "abc"),
        (b"Bearer", None),
        (b"Bearer ", None),
        (b"abc", None),
        (b"Digest abc", None),
        (b"", None),
        (_basic("__token__:abc"), "abc"),
        (_basic("__token__:a:b"), "a:b"),
        (_basic("__token__:"), None),
        (_basic("__token__"), None),
        (_basic("ada:abc"), None),
        (b"Basic ???", None),
        (b"Basic \xff\xfe", None),
        (b"Basic " + base64.b64encode(b"__token__:\xff"), None),
        (b"Basic", None),
    ],
)
def test_a_request_brings_a_token_as_bearer_or_as_the_password_of_token(value: bytes, token: str | None) -> None:
    assert bearer_of([(b"accept", b"*/*"), (b"Authorization", value)]) == token


def test_a_request_without_the_header_brings_none() -> None:
    assert bearer_of([]) is None
    assert bearer_of([(b"x-authorization", b"Bearer abc")]) is None


@given(st.binary())
@settings(deadline=None)
def test_no_header_raises(value: bytes) -> None:
    bearer_of([(b"authorization", value)])
    bearer_of([(b"authorization", b"Basic " + value)])


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_who_fails_too_often_waits_until_the_window_has_passed() -> None:
    clock = _Clock()
    failures = Failures(limit=3, window=60, clock=clock)
    for _ in range(2):
        failures.add("10.0.0.1")
    assert failures.blocked("10.0.0.1") is None
    clock.now += 10
    failures.add("10.0.0.1")
    assert failures.blocked("10.0.0.1") == 50
    assert failures.blocked("10.0.0.2") is None
    clock.now += 50
    assert failures.blocked("10.0.0.1") is None


def test_who_fails_again_after_the_window_is_counted_from_then() -> None:
    clock = _Clock()
    failures = Failures(limit=2, window=60, clock=clock)
    failures.add("a")
    clock.now += 59
    failures.add("a")
    assert failures.blocked("a") == 1
    clock.now += 1
    failures.add("a")
    assert failures.blocked("a") == 59


def test_memory_stays_bounded_whoever_guesses() -> None:
    failures = Failures(limit=2, window=60, clock=_Clock())
    for key in range(Failures.MOST_KEYS + 5):
        failures.add(str(key))
    assert len(failures._failed) == Failures.MOST_KEYS
    failures.add(str(Failures.MOST_KEYS + 4))
    assert failures.blocked(str(Failures.MOST_KEYS + 4)) is not None
