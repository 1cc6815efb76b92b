from __future__ import annotations

import json

import pytest

from plughost.catalog import Answer, schema
from plughost.errors import SourceInvalid
from plughost.model.plugin import Listing, PluginName, WheelFile
from plughost.testing import wheel

BASE = "https://plugins.example.com/api/plugins/enabled"
INDEX = "https://plugins.example.com/simple/"
CHAT = wheel("acme-chat", "1.2.0", {"acme_chat.py": ""})
GOOD = {"name": "good", "remoteEntryUrl": "/files/good-1.0-py3-none-any.whl"}


def parse(*entries: object, base: str = BASE) -> Answer:
    return schema.parse_list(
        json.dumps(entries).encode(), source="https://plugins.example.com", base=base, index=INDEX, hears=lambda _: True
    )


def problem_of(**entry: object) -> str:
    """What is said of an entry that differs from a right one in this."""
    answer = parse(GOOD, {"name": "chat", "remoteEntryUrl": f"/files/{CHAT.filename}"} | entry)
    assert [listing.name for listing in answer.listings] == ["good"]
    (problem,) = answer.problems
    return problem.problem


def test_three_keys_are_enough() -> None:
    entry = {"name": "chat", "remoteEntryUrl": f"../../files/{CHAT.filename}", "exposedModule": "acme_chat.entry:plugin"}

    (listing,) = parse(entry).listings

    assert listing == Listing(
        name=PluginName("chat"),
        version="1.2.0",
        wheels=(WheelFile(url=f"https://plugins.example.com/files/{CHAT.filename}", filename=CHAT.filename),),
        entry="acme_chat.entry:plugin",
        source="https://plugins.example.com",
        index=INDEX,
    )


def test_every_key_is_read() -> None:
    entry = {
        "name": "chat",
        "remoteEntryUrl": f"https://cdn.example.com/{CHAT.filename}",
        "exposedModule": "acme_chat.entry",
        "version": "1.2.0",
        "integrity": CHAT.integrity,
        "isolation": "process",
        "mount": "/talk",
        "project": "acme-chat",
        "index": "/other/",
        "unheard-of": {"is": "ignored"},
    }

    (listing,) = parse(entry).listings

    assert listing.wheels == (WheelFile(url=f"https://cdn.example.com/{CHAT.filename}", filename=CHAT.filename, sha256=CHAT.sha256),)
    assert (listing.entry, listing.isolation, listing.mount) == ("acme_chat.entry:plugin", "process", "talk")
    assert (listing.project, listing.index) == ("acme-chat", "https://plugins.example.com/other/")


def test_null_is_the_same_as_left_out() -> None:
    entry = {"name": "chat", "remoteEntryUrl": f"/files/{CHAT.filename}"}
    nothing = dict.fromkeys(["exposedModule", "version", "integrity", "isolation", "mount", "project", "index"])

    assert parse(entry | nothing) == parse(entry)


def test_the_hash_may_stand_in_the_url() -> None:
    (listing,) = parse({"name": "chat", "remoteEntryUrl": f"/files/{CHAT.filename}#sha256={CHAT.sha256}"}).listings

    assert listing.wheels[0].sha256 == CHAT.sha256
    assert "#" not in listing.wheels[0].url


def test_a_release_of_several_platforms_lists_each_wheel_once() -> None:
    linux = "acme_chat-1.2.0-cp311-cp311-manylinux_2_17_x86_64.whl"
    wheels = [{"url": f"/f/{CHAT.filename}", "integrity": CHAT.integrity}, {"url": f"/f/{linux}"}]

    (listing,) = parse({"name": "chat", "remoteEntryUrl": f"/f/{CHAT.filename}", "wheels": wheels}).listings

    assert [(file.filename, file.sha256) for file in listing.wheels] == [(CHAT.filename, CHAT.sha256), (linux, None)]


def test_the_version_is_written_in_its_canonical_form() -> None:
    (listing,) = parse(
        {"name": "chat", "remoteEntryUrl": "/acme_chat-1.0_RC1-py3-none-any.whl".replace("_RC", "rc"), "version": "1.0-rc.1"}
    ).listings

    assert listing.version == "1.0rc1"


def test_an_empty_list_is_a_list() -> None:
    assert parse() == Answer(listings=())


@pytest.mark.parametrize("entry", [7, None, "chat", [], {}, {"name": "chat"}, {"name": 7, "remoteEntryUrl": "x"}])
def test_an_entry_of_another_shape_does_not_hold_up_the_good_ones(entry: object) -> None:
    answer = parse(GOOD, entry)

    assert [listing.name for listing in answer.listings] == ["good"]
    assert len(answer.problems) == 1


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"name": "Chat"}, "not a plugin name"),
        ({"name": "admin"}, "path of the host itself"),
        ({"mount": "a/b"}, "not one path segment"),
        ({"mount": "/docs"}, "path of the host itself"),
        ({"mount": 7}, "mount"),
        ({"exposedModule": "os;x"}, "package.module:object"),
        ({"isolation": "none"}, "isolation"),
        ({"version": "1.3.0"}, "version 1.3.0 is listed"),
        ({"version": "one"}, "PEP 440"),
        ({"integrity": "md5-abc"}, "sha256"),
        ({"integrity": "sha256-"}, "sha256"),
        ({"remoteEntryUrl": f"/{CHAT.filename}#sha256=abc"}, "sha256"),
        ({"remoteEntryUrl": f"/{CHAT.filename}#sha256={'0' * 64}", "integrity": CHAT.integrity}, "different bytes"),
        ({"remoteEntryUrl": "/acme-chat-1.2.0.tar.gz"}, ".whl"),
        ({"remoteEntryUrl": "/acme_chat.whl"}, "PROJECT-VERSION"),
        ({"remoteEntryUrl": "/"}, ".whl"),
        ({"remoteEntryUrl": f"file:///etc/{CHAT.filename}"}, "cannot be fetched|can be fetched"),
        ({"remoteEntryUrl": f"ftp://example.com/{CHAT.filename}"}, "can be fetched"),
        ({"remoteEntryUrl": f"https://[::1/{CHAT.filename}"}, "not a URL"),
        ({"remoteEntryUrl": f"https://example.com:port/{CHAT.filename}"}, "not a URL"),
        ({"remoteEntryUrl": f"http:///{CHAT.filename}"}, "can be fetched"),
        ({"wheels": [{"url": "/acme_chat-1.3.0-py3-none-any.whl"}]}, "not of the same release"),
        ({"wheels": [{"url": f"/{CHAT.filename}#sha256={n * 64}"} for n in "01"]}, "two hashes"),
        ({"wheels": ["x"]}, "wheels.0"),
        ({"index": "file:///etc"}, "can be fetched"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(entry: dict[str, object], said: str) -> None:
    problem = problem_of(**entry)

    assert any(word in problem for word in said.split("|")), problem


def test_credentials_in_a_url_are_refused_and_not_repeated() -> None:
    problem = problem_of(remoteEntryUrl=f"https://ada:hunter2@example.com/{CHAT.filename}")

    assert "credentials" in problem
    assert "hunter2" not in problem


def test_a_file_may_be_listed_by_a_file() -> None:
    entry = {"name": "chat", "remoteEntryUrl": f"dist/{CHAT.filename}"}

    (listing,) = parse(entry, base="file:///plugins/plugins.json").listings

    assert listing.wheels[0].url == f"file:///plugins/dist/{CHAT.filename}"


def test_of_a_name_that_is_listed_twice_neither_is_taken() -> None:
    chat = {"name": "chat", "remoteEntryUrl": f"/files/{CHAT.filename}"}

    answer = parse(chat, GOOD, chat | {"mount": "a/b"})

    assert [listing.name for listing in answer.listings] == ["good"]
    assert [problem.name for problem in answer.problems] == ["chat"]
    assert "listed 2 times" in answer.problems[0].problem


def test_a_list_of_entries_of_which_none_is_right_is_no_list() -> None:
    with pytest.raises(SourceInvalid, match="none of its entries is right: chat"):
        parse({"name": "chat"}, {"name": "news"})


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"[", "not JSON"),
        (b"\xff", "not JSON"),
        (b"{}", "JSON array"),
        (b'"[]"', "JSON array"),
        (b"[" * 5000, "not JSON"),
    ],
)
def test_what_is_no_array_is_no_list(raw: bytes, said: str) -> None:
    with pytest.raises(SourceInvalid, match=said):
        schema.parse_list(raw, source="s", base=BASE, index=None, hears=lambda _: True)


def test_a_source_that_may_not_speak_for_a_name_is_not_heard() -> None:
    raw = json.dumps([GOOD, {"name": "other", "bad": True}]).encode()

    only_good = schema.parse_list(raw, source="s", base=BASE, index=None, hears=lambda name: name == "good")
    nothing = schema.parse_list(raw, source="s", base=BASE, index=None, hears=lambda name: name == "third")

    assert [listing.name for listing in only_good.listings] == ["good"]
    assert only_good.problems == nothing.problems == ()
    assert nothing.listings == ()


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"meta": {"api-version": "2.0"}, "files": []}', b'{"meta": {"api-version": "1.0"}, "files": [{}]}']
)
def test_a_page_of_another_shape_is_refused(raw: bytes) -> None:
    with pytest.raises(SourceInvalid):
        schema.parse_page(raw, source="s", base=INDEX)
