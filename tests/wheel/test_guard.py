"""What the guard does with honest wheels: what it yields, what it tells, and what it leaves out."""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import plughost.wheel
from plughost.errors import ArchiveRefused, DirectUrl, NotAWheel, WheelMisfit, WheelMisnamed
from plughost.testing import RULES, BuiltWheel, Part, broken_wheel, pack, parts_of, wheel, with_record
from plughost.wheel import Guard, inspect

Unpacked = Callable[..., tuple[dict[str, bytes], Any]]
RuleOf = Callable[..., str]

CHAT = wheel("acme-chat", "1.0", {"acme_chat.py": "plugin = 1\n", "acme_chat_more/a/b.txt": "text"}, plugins={"chat": "acme_chat:plugin"})
INFO = "acme_chat-1.0.dist-info"


def bringing(*names: str, data: bytes = b"x", project: str = "acme-chat") -> BuiltWheel:
    return wheel(project, "1.0", {"acme_chat.py": "plugin = 1\n", **dict.fromkeys(names, data)})


def rules_in_the_source() -> set[str]:
    """The second argument of every ArchiveRefused in the room."""
    found = set()
    for path in Path(plughost.wheel.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ArchiveRefused":
                found.add(ast.literal_eval(node.args[1]))
    return found


def test_every_rule_of_the_guard_has_a_wheel_that_breaks_it() -> None:
    assert set(RULES) == rules_in_the_source()


@pytest.mark.parametrize("rule", RULES)
def test_a_wheel_that_breaks_a_rule_is_refused_by_it(rule: str, rule_of: RuleOf) -> None:
    assert rule_of(broken_wheel(rule)) == rule


def test_an_honest_wheel_comes_out_as_it_went_in(unpacked: Unpacked) -> None:
    files, facts = unpacked(CHAT)

    assert files == {part.name: part.data for part in parts_of(CHAT.data)}
    assert (facts.name.project, facts.metadata.version) == ("acme-chat", "1.0")
    assert facts.entry_points == {"plughost.plugins": {"chat": "acme_chat:plugin"}}
    assert (facts.tops, facts.native, facts.left_out) == (("acme_chat", "acme_chat_more"), False, ())
    assert (facts.entries, facts.bytes) == (len(files), sum(map(len, files.values())))


def test_a_wheel_on_disk_is_inspected_and_thrown_away(tmp_path: Path) -> None:
    facts = inspect(CHAT.write(tmp_path), CHAT.filename)

    assert facts.entries == 6
    assert [path.name for path in tmp_path.iterdir()] == [CHAT.filename]


def test_a_small_file_is_one_chunk_and_an_empty_one_is_too() -> None:
    built = bringing("empty.txt", "small.bin", data=b"")
    chunks = {entry.path: list(entry.chunks) for entry in Guard(io.BytesIO(built.data), built.filename).entries()}

    assert {len(found) for found in chunks.values()} == {1}
    assert chunks["empty.txt"] == [b""]


@pytest.mark.parametrize("method", [0, 8])
def test_a_large_file_comes_in_pieces_and_the_last_one_only_when_all_is_verified(method: int) -> None:
    large = Part(name="large.bin", data=bytes(range(256)) * (5 << 12), method=method)
    honest, lying = with_record([large, *parts_of(CHAT.data)[:-1]], INFO), with_record([large, *parts_of(CHAT.data)[:-1]], INFO)
    lying[0] = Part(name="large.bin", data=large.data[:-1] + b"?", method=method)
    guard = Guard(io.BytesIO(pack(honest)), CHAT.filename)
    pieces = {entry.path: list(entry.chunks) for entry in guard.entries()}["large.bin"]

    assert len(pieces) > 3
    assert max(map(len, pieces)) <= 1 << 20
    assert b"".join(pieces) == large.data

    entries = Guard(io.BytesIO(pack(lying)), CHAT.filename).entries()
    seen: list[bytes] = []
    with pytest.raises(ArchiveRefused, match="record-hash"):
        seen.extend(chunk for entry in entries for chunk in entry.chunks)
    assert 0 < sum(map(len, seen)) < len(large.data)


def test_facts_are_told_only_at_the_end() -> None:
    guard = Guard(io.BytesIO(CHAT.data), CHAT.filename)
    entries = guard.entries()
    next(entries)

    with pytest.raises(RuntimeError, match="not been read to its end"):
        _ = guard.facts


def test_a_file_that_nobody_reads_is_verified_nevertheless() -> None:
    guard = Guard(io.BytesIO(broken_wheel("record-hash").data), "broken-1.0-py3-none-any.whl")

    with pytest.raises(ArchiveRefused, match="record-hash"):
        list(guard.entries())


def test_whoever_overhears_a_refusal_gets_no_next_file() -> None:
    guard = Guard(io.BytesIO(broken_wheel("record-hash").data), "broken-1.0-py3-none-any.whl")
    entries = guard.entries()
    with pytest.raises(ArchiveRefused):
        list(next(entries).chunks)

    with pytest.raises(RuntimeError, match="was refused"):
        next(entries)


def test_executable_files_are_told(unpacked: Unpacked) -> None:
    parts = [Part(name="run.sh", data=b"x", attributes=0o100755 << 16), Part(name="set.sh", data=b"x", attributes=0o104644 << 16)]
    archive = pack(with_record([*parts, *parts_of(CHAT.data)[:-1]], INFO))
    told = {entry.path: entry.executable for entry in Guard(io.BytesIO(archive), CHAT.filename).entries()}

    assert told["run.sh"]
    assert not told["set.sh"]
    assert not told["acme_chat.py"]


@pytest.mark.parametrize(
    "name",
    [
        "acme.pth",
        "acme.PTH",
        "sitecustomize.py",
        "SiteCustomize.py",
        "sitecustomize/__init__.py",
        "usercustomize.cpython-311-x86_64-linux-gnu.so",
        "acme_chat-1.0.data/scripts/acme",
        "acme_chat-1.0.data/headers/acme.h",
        "acme_chat-1.0.data/purelib/acme.pth",
        "acme_chat-1.0.data/data/sitecustomize.py",
        "acme_chat-1.0.data/platlib/a/__pycache__/b.cpython-311.pyc",
        "a/__pycache__/b.cpython-311.pyc",
        "__pycache__/b.cpython-311.pyc",
        "acme_chat.egg-info/PKG-INFO",
        "other.egg-info",
        f"{INFO}/RECORD.jws",
    ],
)
def test_what_nothing_of_ours_executes_is_left_out_and_said(name: str, unpacked: Unpacked) -> None:
    files, facts = unpacked(bringing(name))

    assert facts.left_out == (name,)
    assert len(files) == 4
    assert not any(path.endswith((".pth", ".h", ".pyc")) for path in files)


def test_what_is_left_out_is_verified_too(rule_of: RuleOf) -> None:
    built = bringing("acme.pth", "acme_chat-1.0.data/scripts/run")
    parts = [Part(name=part.name, data=b"other" if part.data == b"x" else part.data) for part in parts_of(built.data)]

    assert rule_of(BuiltWheel(built.filename, pack(parts))) == "record-hash"


@pytest.mark.parametrize(
    "name", ["pkg/acme.pth", "pkg/sitecustomize.py", "pkg/headers/x.h", "pkg/x.egg-info/PKG-INFO", "x.data", "pkg/x.dist-info/A"]
)
def test_what_only_looks_alike_stays(name: str, unpacked: Unpacked) -> None:
    files, facts = unpacked(bringing(name))

    assert name in files
    assert facts.left_out == ()


def test_the_directories_of_data_are_merged_into_the_site(unpacked: Unpacked) -> None:
    data = "acme_chat-1.0.data"
    files, facts = unpacked(bringing(f"{data}/purelib/pure/a.py", f"{data}/platlib/plat.so", f"{data}/data/share/acme/x.txt"))

    assert {"pure/a.py", "plat.so", "share/acme/x.txt"} <= files.keys()
    assert not any(path.startswith(data) for path in files)
    assert facts.tops == ("acme_chat", "plat", "pure")
    assert facts.native


@pytest.mark.parametrize(
    ("name", "top"),
    [
        ("one.py", "one"),
        ("two/__init__.py", "two"),
        ("three/data.txt", "three"),
        ("four.abi3.so", "four"),
        ("five.pyc", "five"),
        ("six/a/b.py", "six"),
    ],
)
def test_modules_packages_and_namespaces_are_top_level_names(name: str, top: str, unpacked: Unpacked) -> None:
    _, facts = unpacked(bringing(name))

    assert facts.tops == tuple(sorted(("acme_chat", top)))


@pytest.mark.parametrize("name", ["README.txt", "not-a-name/x.py", "acme.js", "2to3.py", ".hidden.py"])
def test_what_cannot_be_imported_is_no_top_level_name(name: str, unpacked: Unpacked) -> None:
    _, facts = unpacked(bringing(name))

    assert facts.tops == ("acme_chat",)


@pytest.mark.parametrize(
    ("name", "native"), [("a.so", True), ("a/b.cpython-311-darwin.so", True), ("x.libs/liba.so.1.2", True), ("a.pyd", True)]
)
def test_shared_libraries_make_a_wheel_native(name: str, native: bool, unpacked: Unpacked) -> None:  # noqa: FBT001 (a case of the table)
    assert unpacked(bringing(name))[1].native is native
    assert not unpacked(bringing(f"{name}.txt"))[1].native


def test_directory_entries_are_not_files(unpacked: Unpacked) -> None:
    parts = [Part(name="acme_chat_more/"), Part(name="acme_chat-1.0.data/"), Part(name="acme_chat-1.0.data/data/"), *parts_of(CHAT.data)]
    files, facts = unpacked(BuiltWheel(CHAT.filename, pack(parts)))

    assert files.keys() == {part.name for part in parts_of(CHAT.data)}
    assert facts.left_out == ()


def test_signatures_need_not_be_in_record(unpacked: Unpacked) -> None:
    _, facts = unpacked(BuiltWheel(CHAT.filename, pack([*parts_of(CHAT.data), Part(name=f"{INFO}/RECORD.jws", data=b"{}")])))

    assert facts.left_out == (f"{INFO}/RECORD.jws",)


def test_an_archive_that_was_streamed_passes(unpacked: Unpacked) -> None:
    class Pipe(io.RawIOBase):
        """Takes bytes in order only, so that zipfile writes sizes behind the data."""

        def __init__(self) -> None:
            self.taken = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.taken += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts_of(CHAT.data):
            archive.writestr(part.name, part.data)

    files, _ = unpacked(BuiltWheel(CHAT.filename, bytes(pipe.taken)))

    assert pipe.taken[6] & 0x8
    assert files == {part.name: part.data for part in parts_of(CHAT.data)}


def test_an_archive_that_zipfile_wrote_with_zip64_headers_passes(unpacked: Unpacked) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts_of(CHAT.data):
            with archive.open(zipfile.ZipInfo(part.name), "w", force_zip64=True) as file:
                file.write(part.data)

    files, _ = unpacked(BuiltWheel(CHAT.filename, buffer.getvalue()))

    assert files == {part.name: part.data for part in parts_of(CHAT.data)}


def test_a_wheel_for_another_python_is_a_misfit(unpacked: Unpacked) -> None:
    windows = wheel("acme-chat", "1.0", {}, tag="cp27-cp27m-win32")
    future = wheel("acme-chat", "1.0", {}, requires_python=">=4")

    with pytest.raises(WheelMisfit, match="cp27-cp27m-win32"):
        unpacked(windows)
    with pytest.raises(WheelMisfit, match=">=4"):
        unpacked(future)
    for built in (windows, future):
        assert unpacked(built, check_fit=False)[1].name.filename == built.filename


def test_a_wheel_that_requires_this_python_fits(unpacked: Unpacked) -> None:
    version = ".".join(map(str, sys.version_info[:3]))

    assert unpacked(wheel("acme-chat", "1.0", {}, requires_python=f"=={version}"))[1].metadata.requires_python == f"=={version}"


@pytest.mark.parametrize("filename", ["acme_chat-1.1-py3-none-any.whl", "acme_talk-1.0-py3-none-any.whl"])
def test_a_wheel_under_another_name_is_misnamed(filename: str, unpacked: Unpacked) -> None:
    with pytest.raises(WheelMisnamed):
        unpacked(BuiltWheel(filename, CHAT.data))


@pytest.mark.parametrize("line", ["Name: other", "Version: 2.0"])
def test_metadata_of_another_release_make_a_wheel_misnamed(line: str, unpacked: Unpacked) -> None:
    key = line.partition(":")[0]
    parts = [part for part in parts_of(CHAT.data) if not part.name.endswith(("METADATA", "RECORD"))]
    text = "".join(f"{row}\n" for row in ("Metadata-Version: 2.1", "Name: acme-chat", "Version: 1.0") if not row.startswith(f"{key}:"))
    archive = pack(with_record([*parts, Part(name=f"{INFO}/METADATA", data=f"{text}{line}\n".encode())], INFO))

    with pytest.raises(WheelMisnamed, match="METADATA says"):
        unpacked(BuiltWheel(CHAT.filename, archive))


def test_versions_and_names_are_compared_as_pypa_compares_them(unpacked: Unpacked) -> None:
    _, facts = unpacked(BuiltWheel("Acme.Chat-1.0.0-py3-none-any.whl", CHAT.data))

    assert facts.metadata.project == "acme-chat"


@pytest.mark.parametrize(
    "requirement", ["evil @ https://example.com/evil.whl", "evil @ file:///evil.whl", "evil @ git+https://example.com/e ; extra == 'x'"]
)
def test_a_requirement_of_an_address_is_refused(requirement: str, unpacked: Unpacked) -> None:
    with pytest.raises(DirectUrl, match="evil"):
        unpacked(wheel("acme-chat", "1.0", {}, requires=["rich", requirement]))


@pytest.mark.parametrize("missing", ["METADATA", "WHEEL", "RECORD", ""])
def test_an_archive_without_what_makes_it_a_wheel_is_none(missing: str, unpacked: Unpacked) -> None:
    parts = [part for part in parts_of(CHAT.data) if not (part.name.startswith(INFO) and part.name.endswith(missing or part.name))]
    if missing != "RECORD":
        parts = with_record([part for part in parts if not part.name.endswith("RECORD")], INFO if missing else "other")

    with pytest.raises(NotAWheel):
        unpacked(BuiltWheel(CHAT.filename, pack(parts)))


@pytest.mark.parametrize("data", [b"", b"PK", b"<html>not found</html>", b"\x1f\x8b" + b"\0" * 100, b"PK\x05\x06", pack([])])
def test_what_is_no_zip_archive_is_no_wheel(data: bytes, unpacked: Unpacked) -> None:
    with pytest.raises(NotAWheel):
        unpacked(BuiltWheel(CHAT.filename, data))


def test_the_signature_of_another_platforms_newline_in_a_name_is_quoted_in_record(unpacked: Unpacked) -> None:
    files, _ = unpacked(bringing("pkg/a,b.txt", 'pkg/say "hi".txt', "pkg/ümlaut.txt"))

    assert {"pkg/a,b.txt", 'pkg/say "hi".txt', "pkg/ümlaut.txt"} <= files.keys()
