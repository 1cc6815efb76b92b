"""Containers that are not what they seem: each way to hide, double or move an entry."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from plughost.testing import BuiltWheel, Part, deflated, pack, parts_of, wheel, with_record
from plughost.wheel import Limits

Unpacked = Callable[..., tuple[dict[str, bytes], Any]]
RuleOf = Callable[..., str]

CHAT = wheel("chat", "1.0", {"chat.py": "plugin = 1\n" * 50}, plugins={"chat": "chat:plugin"})
PARTS = parts_of(CHAT.data)
MODULE = PARTS[0]
CRC, SIZE, PACKED = zipfile.ZipFile(io.BytesIO(CHAT.data)).getinfo("chat.py").CRC, len(MODULE.data), len(deflated(MODULE.data))
WIDE = 0xFFFFFFFF


def archive(**said: Any) -> BuiltWheel:
    """The honest archive, but for what its first entry says."""
    return BuiltWheel(CHAT.filename, pack([replace(MODULE, **said), *PARTS[1:]]))


def built(data: bytes) -> BuiltWheel:
    return BuiltWheel(CHAT.filename, data)


def zip64_extra(*values: int) -> bytes:
    return struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values)


# --- the end records


def test_a_second_archive_behind_the_first_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(built(CHAT.data + CHAT.data)) == "end-records"


def test_an_archive_in_the_comment_of_another_is_refused(rule_of: RuleOf) -> None:
    evil = pack([Part(name="evil.py")])

    assert rule_of(built(pack(PARTS, comment=evil + b"!"))) == "end-records"
    assert rule_of(built(pack(PARTS, comment=evil))) in {"end-records", "hidden-bytes", "leading-bytes"}


def test_an_end_record_in_an_extra_field_is_refused(rule_of: RuleOf) -> None:
    end = pack([])

    assert rule_of(archive(extra=struct.pack("<2H", 0x5455, len(end)) + end)) == "end-records"


def test_any_comment_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(built(pack(PARTS, comment=b"c"))) == "comment"
    assert rule_of(built(pack(PARTS, end={"comment": 1}))) == "comment"
    assert rule_of(archive(comment=b"c")) == "comment"


@pytest.mark.parametrize("before", [b"\0", b"#!/bin/sh\n", b"PK\x03\x04" + b"\0" * 26, b"x" * 70_000])
def test_bytes_before_the_archive_are_refused(before: bytes, rule_of: RuleOf) -> None:
    assert rule_of(built(before + CHAT.data)) == "leading-bytes"
    assert rule_of(archive(before=before)) == "leading-bytes"


@pytest.mark.parametrize("after", [b"\0", b"\r\n", b"x" * 1000])
def test_bytes_after_the_archive_are_refused(after: bytes, rule_of: RuleOf) -> None:
    assert rule_of(built(CHAT.data + after)) == "trailing-bytes"


@pytest.mark.parametrize("gap", [b"\0", b"x" * 70_000])
def test_bytes_between_the_directory_and_the_end_record_are_refused(gap: bytes, rule_of: RuleOf) -> None:
    assert rule_of(built(pack(PARTS, gap=gap))) == "hidden-bytes"


@pytest.mark.parametrize(
    ("end", "rule"),
    [
        ({"entries": 4}, "central-directory"),
        ({"entries": 6}, "central-directory"),
        ({"entries": 0}, "central-directory"),
        ({"length": 1}, "hidden-bytes"),
        ({"length": 100_000}, "central-directory"),
        ({"offset": 0}, "hidden-bytes"),
        ({"offset": 1 << 30}, "central-directory"),
        ({"disk": 1}, "multi-disk"),
    ],
)
def test_an_end_record_that_lies_is_refused(end: Mapping[str, int], rule: str, rule_of: RuleOf) -> None:
    assert rule_of(built(pack(PARTS, end=end))) in {rule, "leading-bytes"}


def test_an_entry_on_another_disk_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(archive(disk=1)) == "multi-disk"


# --- zip64


@pytest.mark.parametrize("end", [{}, {"entries": 0xFFFF, "length": WIDE, "offset": WIDE}, {"offset": WIDE}])
def test_a_zip64_end_record_that_agrees_passes(end: Mapping[str, int], unpacked: Unpacked) -> None:
    assert unpacked(built(pack(PARTS, zip64={}, end=end)))[0]["chat.py"] == MODULE.data


@pytest.mark.parametrize(
    "lie", [{"entries": 1}, {"length": 1}, {"offset": 1}, {"disk": 1}, {"size": 45}, {"place": 0}, {"place": 1 << 40}, {"offset": 1 << 63}]
)
def test_a_zip64_end_record_that_lies_is_refused(lie: Mapping[str, int], rule_of: RuleOf) -> None:
    assert rule_of(built(pack(PARTS, zip64=lie))) == "zip64"


@pytest.mark.parametrize("lie", [{"offset": 1 << 63}, {"length": 1 << 63}, {"entries": 1 << 63}])
def test_a_zip64_end_record_alone_is_not_believed_either(lie: Mapping[str, int], rule_of: RuleOf) -> None:
    saturated = {"entries": 0xFFFF, "length": WIDE, "offset": WIDE}

    assert rule_of(built(pack(PARTS, zip64=lie, end=saturated))) in {"central-directory", "too-many-entries", "hidden-bytes"}


def test_a_locator_without_its_record_is_refused(rule_of: RuleOf) -> None:
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)

    assert rule_of(built(pack(PARTS, gap=locator))) == "zip64"
    assert rule_of(built(locator + pack([]))) == "zip64"


def test_zip64_sizes_of_an_entry_are_read(unpacked: Unpacked) -> None:
    local = {"size": WIDE, "packed": WIDE, "extra": zip64_extra(SIZE, PACKED)}

    for said in (
        {"extra": zip64_extra(SIZE, PACKED), "size": WIDE, "packed": WIDE, "local": local},
        {"extra": zip64_extra(SIZE), "size": WIDE, "local": local},
        {"extra": zip64_extra(0), "start": WIDE},
        {"local": local | {"size": SIZE}},
    ):
        assert unpacked(archive(**said))[0]["chat.py"] == MODULE.data


@pytest.mark.parametrize(
    "said",
    [
        {"size": WIDE},
        {"size": WIDE, "extra": zip64_extra()},
        {"size": WIDE, "extra": zip64_extra(SIZE, PACKED)},
        {"extra": zip64_extra(SIZE)},
        {"local": {"extra": zip64_extra(SIZE)}},
        {"local": {"extra": zip64_extra(SIZE + 1, PACKED)}},
        {"local": {"extra": zip64_extra(SIZE, PACKED, 0)}},
    ],
)
def test_zip64_sizes_of_an_entry_that_leave_a_doubt_are_refused(said: Mapping[str, Any], rule_of: RuleOf) -> None:
    assert rule_of(archive(**said)) == "zip64"


# --- the directory and the local headers


@pytest.mark.parametrize(
    "local",
    [
        {"raw": b"evil.py"},
        {"raw": b"chat.pyx"},
        {"raw": b""},
        {"method": 0},
        {"flags": 0x800},
        {"flags": 0x8},
        {"crc": 1},
        {"crc": 0},
        {"size": 1},
        {"size": 0},
        {"packed": 1},
        {"packed": 0},
        {"size": WIDE},
        {"mark": b"PK\x01\x02"},
        {"mark": b"\0\0\0\0"},
    ],
)
def test_a_local_header_that_differs_from_the_directory_is_refused(local: Mapping[str, Any], rule_of: RuleOf) -> None:
    assert rule_of(archive(local=local)) == "local-header"


def test_an_entry_that_the_directory_does_not_name_is_refused(rule_of: RuleOf) -> None:
    hidden = Part(name="evil.py", data=b"evil", listed=False)

    assert rule_of(built(pack([hidden, *PARTS]))) == "leading-bytes"
    assert rule_of(built(pack([MODULE, hidden, *PARTS[1:]]))) == "hidden-bytes"
    assert rule_of(built(pack([*PARTS, hidden]))) == "hidden-bytes"


def test_entries_that_share_bytes_are_refused(rule_of: RuleOf) -> None:
    shared = Part(name="evil.py", data=MODULE.data, start=0, listed=True)

    assert rule_of(built(pack([*PARTS, shared]))) == "overlap"
    assert rule_of(archive(packed=PACKED + 1, local={"packed": PACKED + 1})) == "overlap"


def test_a_quoted_entry_of_a_bomb_is_refused(rule_of: RuleOf) -> None:
    inner = pack([Part(name="inner.py", data=b"1")])
    quoted = Part(name="outer.py", data=inner, method=0)
    pointing = Part(name="inner.py", data=b"1", start=30 + len(quoted.name), payload=b"", packed=len(deflated(b"1")))

    assert rule_of(built(pack([quoted, pointing, *PARTS]))) == "overlap"


def test_two_entries_of_one_name_are_refused_even_if_equal(rule_of: RuleOf) -> None:
    assert rule_of(built(pack([*PARTS, MODULE]))) == "duplicate"
    assert rule_of(built(pack([Part(name="a/"), Part(name="a/"), *PARTS]))) == "duplicate"


@pytest.mark.parametrize("start", [1, 29, 1 << 30, WIDE - 1])
def test_an_entry_that_is_not_where_the_directory_says_is_refused(start: int, rule_of: RuleOf) -> None:
    assert rule_of(archive(start=start)) in {"leading-bytes", "local-header", "overlap"}


@pytest.mark.parametrize("extra", [b"\1", b"\1\0\4\0abc", b"UT\0\0UT\0\0", b"\x75\x70\0\0", b"\x75\x63\0\0"])
def test_extra_fields_that_are_broken_or_rename_the_entry_are_refused(extra: bytes, rule_of: RuleOf) -> None:
    assert rule_of(archive(extra=extra)) == "extra-field"
    assert rule_of(archive(local={"extra": extra})) == "extra-field"


def test_other_extra_fields_do_not_matter(unpacked: Unpacked) -> None:
    stamp = struct.pack("<2HBL", 0x5455, 5, 1, 0)

    assert unpacked(archive(extra=stamp, local={"extra": stamp + b"\xca\xfe\0\0"}))[0]["chat.py"] == MODULE.data


# --- data descriptors


@pytest.mark.parametrize("form", ["<3L", "<L2Q"])
@pytest.mark.parametrize("mark", [b"", b"PK\x07\x08"])
@pytest.mark.parametrize("local", [{}, {"crc": 0, "size": 0, "packed": 0}])
def test_sizes_may_follow_the_data(form: str, mark: bytes, local: Mapping[str, Any], unpacked: Unpacked) -> None:
    after = mark + struct.pack(form, CRC, PACKED, SIZE)

    assert unpacked(archive(flags=8, after=after, local=local))[0]["chat.py"] == MODULE.data


@pytest.mark.parametrize(
    "after",
    [
        b"",
        struct.pack("<3L", 0, PACKED, SIZE),
        struct.pack("<3L", CRC, PACKED, SIZE + 1),
        struct.pack("<3L", CRC, PACKED, SIZE) + b"\0",
        struct.pack("<L2Q", CRC, PACKED, SIZE) + b"PK\x07\x08",
        b"PK\x07\x08" * 7,
    ],
)
def test_sizes_that_follow_the_data_and_lie_are_refused(after: bytes, rule_of: RuleOf) -> None:
    assert rule_of(archive(flags=8, after=after)) == "data-descriptor"


# --- the packed data


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 95, 99])
def test_other_methods_are_refused(method: int, rule_of: RuleOf) -> None:
    assert rule_of(archive(method=method)) == "method"


def test_encryption_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(archive(flags=0x1)) == "encrypted"
    assert rule_of(archive(flags=0x41)) == "encrypted"


@pytest.mark.parametrize("flags", [0x10, 0x20, 0x40, 0x80, 0x2000, 0x8000])
def test_flags_that_change_how_an_entry_is_read_are_refused(flags: int, rule_of: RuleOf) -> None:
    assert rule_of(archive(flags=flags)) == "flags"


@pytest.mark.parametrize("payload", [b"", b"\xff\xff", deflated(MODULE.data)[:-1], deflated(MODULE.data) + b"\0", b"\0" * 10])
def test_a_stream_that_is_broken_cut_off_or_goes_on_is_refused(payload: bytes, rule_of: RuleOf) -> None:
    assert rule_of(archive(payload=payload)) in {"deflate", "size"}


@pytest.mark.parametrize(("size", "rule"), [(SIZE - 1, "size"), (SIZE + 1, "size"), (0, "size")])
def test_a_size_that_lies_is_refused(size: int, rule: str, rule_of: RuleOf) -> None:
    assert rule_of(archive(size=size)) == rule
    assert rule_of(archive(size=size, method=0)) == rule


def test_a_crc_that_lies_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(archive(crc=CRC ^ 1)) == "crc"


LARGE = Part(name="chat.bin", data=bytes(range(256)) * (9 << 10))
"""Inflated in pieces."""


def large(**said: Any) -> BuiltWheel:
    return built(pack([replace(LARGE, **said), *with_record([LARGE, *PARTS[:-1]], "chat-1.0.dist-info")[1:]]))


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        ({"size": len(LARGE.data) - 1}, "size"),
        ({"size": len(LARGE.data) + 1}, "size"),
        ({"size": 5}, "size"),
        ({"size": len(LARGE.data) - 1, "method": 0}, "size"),
        ({"size": len(LARGE.data) + 1, "method": 0}, "size"),
        ({"crc": 1}, "crc"),
        ({"payload": deflated(LARGE.data)[:-1]}, "deflate"),
        ({"payload": deflated(LARGE.data) + b"\0"}, "deflate"),
        ({"payload": deflated(LARGE.data) + b"\0" * (3 << 20)}, "deflate"),
        ({"payload": b"\xff" * (2 << 20)}, "deflate"),
        ({"payload": deflated(LARGE.data + b"more")}, "size"),
        ({"data": LARGE.data[:-1] + b"?"}, "record-hash"),
        ({"after": b"\0"}, "hidden-bytes"),
        ({"after": b"\0" * 100_000}, "hidden-bytes"),
        ({"after": b"\0" * 12, "flags": 8}, "data-descriptor"),
        ({"local": {"raw": b"evil.bin"}}, "local-header"),
        ({"packed": 1 << 30}, "overlap"),
    ],
)
def test_a_large_entry_that_lies_is_refused_likewise(said: Mapping[str, Any], rule: str, rule_of: RuleOf) -> None:
    assert rule_of(large(**said)) == rule


def test_a_large_entry_with_its_sizes_behind_it_passes(unpacked: Unpacked) -> None:
    crc = zipfile.ZipFile(io.BytesIO(large().data)).getinfo(LARGE.name).CRC
    after = struct.pack("<3L", crc, len(deflated(LARGE.data)), len(LARGE.data))

    assert unpacked(large(after=after, flags=8))[0][LARGE.name] == LARGE.data


# --- kinds


@pytest.mark.parametrize("kind", [0o120000, 0o060000, 0o020000, 0o010000, 0o140000, 0o040000])
def test_links_devices_pipes_and_sockets_are_refused(kind: int, rule_of: RuleOf) -> None:
    assert rule_of(archive(attributes=(kind | 0o777) << 16)) == "file-type"


@pytest.mark.parametrize("attributes", [0x10, 0x08])
def test_what_ms_dos_calls_a_directory_or_a_label_is_no_file(attributes: int, rule_of: RuleOf) -> None:
    assert rule_of(archive(attributes=attributes)) == "file-type"


@pytest.mark.parametrize("kind", [0o120000, 0o100000, 0o060000])
def test_a_directory_that_is_something_else_is_refused(kind: int, rule_of: RuleOf) -> None:
    assert rule_of(built(pack([*PARTS, Part(name="folder/", attributes=kind << 16)]))) == "file-type"


@pytest.mark.parametrize("said", [{"data": b"x"}, {"size": 1}, {"crc": 1}, {"payload": b"\3\0", "method": 8}])
def test_a_directory_with_bytes_is_refused(said: Mapping[str, Any], rule_of: RuleOf) -> None:
    assert rule_of(built(pack([*PARTS, Part(name="folder/", **said)]))) == "directory-entry"


def test_files_without_a_kind_are_files(unpacked: Unpacked) -> None:
    assert unpacked(archive(attributes=0))[0]["chat.py"] == MODULE.data
    assert unpacked(archive(attributes=0o644 << 16))[0]["chat.py"] == MODULE.data


# --- limits


def test_each_limit_is_kept(rule_of: RuleOf) -> None:
    assert rule_of(CHAT, limits=Limits(entries=4)) == "too-many-entries"
    assert rule_of(CHAT, limits=Limits(each=SIZE - 1)) == "file-too-large"
    assert rule_of(CHAT, limits=Limits(total=SIZE)) == "total-too-large"


def test_a_bomb_of_one_file_or_of_many_is_refused(rule_of: RuleOf) -> None:
    one = wheel("chat", "1.0", {"zeros": b"\0" * 300_000})
    many = wheel("chat", "1.0", {f"zeros{number}": b"\0" * 30_000 for number in range(10)})

    assert rule_of(one, limits=Limits(ratio_floor=100_000)) == "ratio"
    assert rule_of(many, limits=Limits(ratio_floor=100_000)) == "ratio"


def test_honest_zeros_below_the_floor_are_no_bomb(unpacked: Unpacked) -> None:
    files, _ = unpacked(wheel("chat", "1.0", {"zeros": b"\0" * (8 << 20)}))

    assert files["zeros"] == b"\0" * (8 << 20)


def test_a_bomb_that_lies_about_its_size_is_stopped_there(rule_of: RuleOf) -> None:
    bomb = deflated(b"\0" * (64 << 20))

    assert rule_of(archive(payload=bomb)) == "size"
    assert rule_of(archive(payload=bomb, size=2 << 20)) == "size"


def test_directories_count_like_entries(rule_of: RuleOf) -> None:
    deep = wheel("chat", "1.0", {f"{number}/a/b/c/d/e/f": "" for number in range(10)})

    assert rule_of(deep, limits=Limits(entries=20)) == "too-many-entries"
