"""The guard against archives that nobody thought of: what passes is what was meant, and nothing but a refusal escapes."""

from __future__ import annotations

import io
import posixpath
import zipfile
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plughost.errors import ArtifactError
from plughost.testing import BuiltWheel, Part, pack, parts_of, wheel, with_record
from plughost.wheel import Guard, parse_entry_points, parse_filename, parse_integrity, parse_metadata

INFO = "chat-1.0.dist-info"
FILENAME = "chat-1.0-py3-none-any.whl"
CHAT = wheel(
    "chat",
    "1.0",
    {"chat.py": "plugin = 1\n" * 9, "chat-1.0.data/purelib/more/a.py": "a = 1", "run.pth": "import os", "empty.txt": "", "é.txt": "é"},
    plugins={"chat": "chat:plugin"},
    requires=["rich>=14; python_version > '3'"],
    requires_python=">=3.11",
)
PARTS = parts_of(CHAT.data)

# Lower case with a prefix for its kind: two of these never collide, and none is a name with a meaning.
parts_of_names = st.text(st.sampled_from("abcxyz019_-+ .,'éß中"), min_size=1, max_size=8)
folders = st.lists(parts_of_names.map("d_{}".format), max_size=3)
paths = st.builds(lambda above, name: "/".join([*above, f"f_{name}"]), folders, parts_of_names)
contents = st.one_of(st.binary(max_size=300), st.binary(min_size=1, max_size=9).map(lambda data: data * 20_000))


def unpacked(data: bytes, filename: str = FILENAME) -> dict[str, bytes]:
    guard = Guard(io.BytesIO(data), filename)
    return {entry.path: b"".join(entry.chunks) for entry in guard.entries()}


SITE = unpacked(CHAT.data)


def check_is_refused_or_as_meant(data: bytes) -> None:
    """Whatever was done to CHAT's bytes, its files come out as they were meant, or not at all."""
    with suppress(ArtifactError):
        assert unpacked(data) == SITE


@settings(deadline=None)
@given(st.dictionaries(paths, contents, max_size=12), st.lists(st.sampled_from([0, 8]), min_size=12), st.booleans())
def test_every_honest_wheel_passes_and_comes_out_as_it_went_in(files: dict[str, bytes], methods: list[int], with_folders: bool) -> None:  # noqa: FBT001 (drawn)
    parts = [Part(name=name, data=data, method=method) for (name, data), method in zip(files.items(), methods, strict=False)]
    tops = {name.partition("/")[0] for name in files if "/" in name} if with_folders else ()
    archive = pack([*(Part(name=f"{top}/") for top in sorted(tops)), *with_record([*parts, *PARTS[:-1]], INFO)])

    assert unpacked(archive) == SITE | files | {f"{INFO}/RECORD": parts_of(archive)[-1].data}


@pytest.mark.parametrize("value", [0x00, 0xFF, "+1", "^1", "^0x20", "^0x80"])
def test_no_change_of_a_single_byte_passes_with_other_content(value: int | str) -> None:
    for place in range(len(CHAT.data)):
        old = CHAT.data[place]
        new = {"+1": (old + 1) % 256, "^1": old ^ 1, "^0x20": old ^ 0x20, "^0x80": old ^ 0x80}.get(str(value), value)
        assert isinstance(new, int)
        check_is_refused_or_as_meant(CHAT.data[:place] + bytes((new,)) + CHAT.data[place + 1 :])


def test_no_part_of_a_wheel_passes() -> None:
    for place in range(len(CHAT.data)):
        with pytest.raises(ArtifactError):
            unpacked(CHAT.data[:place])
        with pytest.raises(ArtifactError):
            unpacked(CHAT.data[place + 1 :])


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(CHAT.data)), st.integers(0, 40), st.binary(max_size=40)), min_size=1, max_size=4))
def test_no_splice_passes_with_other_content(splices: list[tuple[int, int, bytes]]) -> None:
    data = CHAT.data
    for place, length, new in splices:
        data = data[:place] + new + data[place + length :]

    check_is_refused_or_as_meant(data)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(CHAT.data)), st.integers(0, len(CHAT.data))), min_size=1, max_size=5))
def test_no_archive_put_together_from_pieces_of_one_passes_with_other_content(pieces: list[tuple[int, int]]) -> None:
    check_is_refused_or_as_meant(b"".join(CHAT.data[start:stop] for start, stop in pieces) + CHAT.data)


small = st.sampled_from([0, 1, 8, 9, 0x41, 0x800, 0xFFFF]) | st.integers(0, 0xFFFF)
large = st.sampled_from([0, 1, 0xFFFFFFFF, 0x7FFFFFFF, 99, 100]) | st.integers(0, 0xFFFFFFFF)
extras = st.binary(max_size=30) | st.sampled_from([b"\1\0\x08\0" + b"\0" * 8, b"\1\0\x10\0" + b"\0" * 16, b"\1\0\0\0"])
headers = {"flags": small, "method": small, "crc": large, "size": large, "packed": large, "extra": extras}
lies = st.fixed_dictionaries(
    {},
    optional={
        **headers,
        "raw": st.binary(max_size=20) | st.sampled_from([b"../x", b"/x", b"chat.py", b"more/", f"{INFO}/METADATA".encode()]),
        "attributes": large,
        "comment": st.binary(max_size=9),
        "disk": small,
        "start": st.integers(0, 3000),
        "before": st.binary(max_size=30),
        "after": st.binary(max_size=30),
        "listed": st.booleans(),
        "local": st.fixed_dictionaries({}, optional={**headers, "raw": st.binary(max_size=20), "mark": st.binary(min_size=4, max_size=4)}),
    },
)
ends = st.fixed_dictionaries({}, optional={"entries": small, "length": large, "offset": large, "disk": small, "comment": small})
wide_ends = st.none() | st.fixed_dictionaries(
    {}, optional={"entries": large, "length": large, "offset": large, "disk": large, "size": large, "place": large}
)


@settings(deadline=None, max_examples=500)
@given(st.lists(st.tuples(st.integers(0, len(PARTS) - 1), lies), min_size=1, max_size=2), st.binary(max_size=30), ends, wide_ends)
def test_no_lie_in_a_header_passes_with_other_content(
    lying: list[tuple[int, dict[str, Any]]], gap: bytes, end: dict[str, int], zip64: dict[str, int] | None
) -> None:
    parts = list(PARTS)
    for number, said in lying:
        parts[number] = replace(parts[number], **said)

    for ends_said in ({}, {"gap": gap}, {"end": end}, {"zip64": zip64}):
        check_is_refused_or_as_meant(pack(parts, **ends_said))


names = st.text(max_size=12) | st.lists(
    st.sampled_from(["..", ".", "", "a", "A", "é", "e\u0301", "\\", ":", "\0", "a.py", "x.pth"]), max_size=5
).map("/".join)


@settings(deadline=None, max_examples=500)
@given(st.lists(names, max_size=4))
def test_whatever_passes_stays_below_its_directory_and_is_what_zipfile_reads(wanted: list[str]) -> None:
    with suppress(UnicodeEncodeError, ArtifactError):
        archive = pack(with_record([*PARTS[:-1], *(Part(name=name, data=name.encode()) for name in wanted)], INFO))
        files = unpacked(archive)
        read = {part.name: part.data for part in parts_of(archive)}

        assert {path for path in files if path in read} | {"more/a.py"} == files.keys()
        assert all(read[path] == data for path, data in files.items() if path in read)
        for path in files:
            assert posixpath.normpath(path) == path
            assert not path.startswith(("/", ".."))
            assert "\\" not in path
            assert "\0" not in path


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["METADATA", "WHEEL", "RECORD", "entry_points.txt"]),
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
)
def test_nothing_but_a_refusal_comes_of_strange_files(name: str, data: bytes) -> None:
    kept = [part for part in PARTS[:-1] if part.name != f"{INFO}/{name}"]
    strange = Part(name=f"{INFO}/{name}", data=data)
    parts = [*kept, strange] if name == "RECORD" else with_record([*kept, strange], INFO)

    with suppress(ArtifactError):
        unpacked(pack(parts))


lines = st.lists(
    st.sampled_from(
        [
            "Metadata-Version: 2.1",
            "Name: chat",
            "Version: 1.0",
            "Requires-Dist: ",
            "Requires-Python: ",
            "Provides-Extra: ",
            "Summary: =?utf-8?b?x?=",
            "From x",
        ]
    ).flatmap(lambda field: st.text(max_size=20).map(field.__add__))
    | st.text(max_size=30),
    max_size=9,
)


@settings(deadline=None, max_examples=500)
@given(lines, st.sampled_from(["\n", "\r\n", "\r"]))
def test_metadata_are_read_or_refused(found: list[str], end: str) -> None:
    with suppress(ArtifactError):
        parse_metadata(end.join(["Metadata-Version: 2.1", "Name: chat", "Version: 1", *found]).encode("utf-8", "surrogatepass"), FILENAME)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_.!+-]+\.whl", fullmatch=True))
def test_a_file_name_is_parsed_or_refused(filename: str) -> None:
    with suppress(ArtifactError):
        assert parse_filename(filename).filename == filename


@settings(deadline=None)
@given(st.text(max_size=60))
def test_entry_points_and_integrity_are_parsed_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        parse_entry_points(text)
    with suppress(ValueError):
        assert len(parse_integrity(text)) == 64


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=400))
def test_nothing_but_a_refusal_comes_of_any_bytes(data: bytes) -> None:
    with pytest.raises(ArtifactError):
        unpacked(data)
    with pytest.raises(ArtifactError):
        unpacked(data + CHAT.data[-22:])


def test_the_wheel_that_is_attacked_here_is_honest() -> None:
    assert zipfile.ZipFile(io.BytesIO(CHAT.data)).testzip() is None
    assert SITE["more/a.py"] == b"a = 1"
    assert "run.pth" not in SITE
    assert unpacked(BuiltWheel(FILENAME, pack(PARTS)).data) == SITE
