"""What a wheel says about its files and itself, and what it may not bring."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from plughost.errors import WheelMisnamed
from plughost.testing import BuiltWheel, Part, pack, parts_of, wheel, with_record

Unpacked = Callable[..., tuple[dict[str, bytes], Any]]
RuleOf = Callable[..., str]

CHAT = wheel("chat", "1.0", {"chat.py": "plugin = 1\n", "empty.txt": ""}, plugins={"chat": "chat:plugin"})
PARTS = parts_of(CHAT.data)
INFO = "chat-1.0.dist-info"
RECORD = PARTS[-1].data.decode()
ROW = RECORD.partition("\n")[0]


def bringing(*names: str, data: bytes = b"x") -> BuiltWheel:
    return wheel("chat", "1.0", {"chat.py": "plugin = 1\n", **dict.fromkeys(names, data)})


def recorded(text: str | bytes, *more: Part) -> BuiltWheel:
    data = text.encode() if isinstance(text, str) else text
    return BuiltWheel(CHAT.filename, pack([*PARTS[:-1], *more, replace(PARTS[-1], data=data)]))


def described(name: str, text: str) -> BuiltWheel:
    """CHAT with this file in .dist-info, and a RECORD that knows it."""
    kept = [part for part in PARTS[:-1] if part.name != f"{INFO}/{name}"]
    return BuiltWheel(CHAT.filename, pack(with_record([*kept, Part(name=f"{INFO}/{name}", data=text.encode())], INFO)))


def hashed(algorithm: str, data: bytes) -> str:
    return f"{algorithm}={base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest()).rstrip(b'=').decode()}"


# --- RECORD


def test_a_file_that_record_does_not_name_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(recorded(RECORD, Part(name="evil.py", data=b""))) == "record-unlisted"
    assert rule_of(recorded(RECORD, Part(name=f"{INFO}/evil.txt", data=b""))) == "record-unlisted"
    assert rule_of(recorded(RECORD, Part(name="RECORD.jws", data=b""))) == "record-unlisted"
    assert rule_of(recorded("")) == "record-unlisted"


@pytest.mark.parametrize(
    "row", ["evil.py,,", "chat.PY,,", "./chat.py,,", "chat.py ,,", "folder/,,", f"{INFO}/RECORD.jws,,", "../../x,,", ",,"]
)
def test_a_row_without_a_file_is_refused(row: str, rule_of: RuleOf) -> None:
    assert rule_of(recorded(f"{RECORD}{row}\n")) == "record-absent"


def test_a_row_twice_is_refused_even_if_equal(rule_of: RuleOf) -> None:
    assert rule_of(recorded(f"{RECORD}{ROW}\n")) == "record-duplicate"
    assert rule_of(recorded(f'{RECORD}"chat.py",,\n')) == "record-duplicate"


@pytest.mark.parametrize("said", ["sha256=", "sha256", "sha256=x", "sha256=" + "A" * 43, "sha256=é", "sha512=" + "A" * 86])
def test_a_wrong_hash_is_refused(said: str, rule_of: RuleOf) -> None:
    assert rule_of(recorded(RECORD.replace(ROW, f"chat.py,{said},11"))) == "record-hash"


def test_a_hash_in_hexadecimal_digits_is_refused(rule_of: RuleOf) -> None:
    digits = hashlib.sha256(PARTS[0].data).hexdigest()

    assert rule_of(recorded(RECORD.replace(ROW, f"chat.py,sha256={digits},11"))) == "record-hash"


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "entry_points.txt"])
def test_the_files_that_are_read_first_are_hashed_too(name: str, rule_of: RuleOf) -> None:
    lying = [replace(part, data=part.data + b"\n") if part.name == f"{INFO}/{name}" else part for part in PARTS]

    assert rule_of(BuiltWheel(CHAT.filename, pack(lying))) == "record-hash"


@pytest.mark.parametrize(
    "said", [hashed("md5", PARTS[0].data), hashed("sha1", PARTS[0].data), hashed("sha224", PARTS[0].data), "shake_256=x", "SHA256=x", "x"]
)
def test_a_weak_or_unknown_hash_is_refused_even_if_right(said: str, rule_of: RuleOf) -> None:
    assert rule_of(recorded(RECORD.replace(ROW, f"chat.py,{said},11"))) == "record-hash-weak"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_strong_hashes_pass_with_and_without_padding(algorithm: str, unpacked: Unpacked) -> None:
    said = hashed(algorithm, PARTS[0].data)

    for padding in ("", "=", "=="):
        assert unpacked(recorded(RECORD.replace(ROW, f"chat.py,{said}{padding},11")))[0]["chat.py"] == PARTS[0].data


def test_only_record_and_its_signatures_go_without_a_hash(rule_of: RuleOf, unpacked: Unpacked) -> None:
    signature = Part(name=f"{INFO}/RECORD.p7s", data=b"signature")

    assert rule_of(recorded(RECORD.replace(ROW, "chat.py,,"))) == "record-hash-missing"
    assert rule_of(recorded(RECORD.replace(ROW, "chat.py,,11"))) == "record-hash-missing"
    assert unpacked(recorded(f"{RECORD}{INFO}/RECORD.p7s,,\n", signature))[1].left_out == (signature.name,)
    assert rule_of(recorded(f"{RECORD}{INFO}/RECORD.p7s,sha256=x,\n", signature)) == "record-hash"


def test_record_may_leave_itself_out_but_not_hash_itself(rule_of: RuleOf, unpacked: Unpacked) -> None:
    without = RECORD.replace(f"{INFO}/RECORD,,\n", "")

    assert unpacked(recorded(without))[0]["chat.py"]
    assert rule_of(recorded(f"{without}{INFO}/RECORD,{hashed('sha256', b'')},\n")) == "record-hash"


@pytest.mark.parametrize("size", ["10", "12", "0", "-11", "011", "1e1", " 11", "eleven"])
def test_a_wrong_size_is_refused(size: str, rule_of: RuleOf) -> None:
    assert rule_of(recorded(RECORD.replace(ROW, f"{ROW[: ROW.rindex(',')]},{size}"))) == "record-size"


def test_a_size_may_be_left_out(unpacked: Unpacked) -> None:
    assert unpacked(recorded(RECORD.replace(ROW, f"{ROW[: ROW.rindex(',')]},")))[0]["chat.py"]


@pytest.mark.parametrize(
    "text",
    [b"\xff\n", b"chat.py\n", b"a,b,c,d\n", b'"chat.py,,\n', b'"a"b,,\n', b"x" * 5000, b"," * 5000],
    ids=lambda text: repr(text[:20]),
)
def test_what_is_no_table_of_three_columns_is_refused(text: bytes, rule_of: RuleOf) -> None:
    assert rule_of(recorded(RECORD.encode() + text)) == "record-malformed"


def test_line_ends_blank_lines_and_quotes_do_not_matter(unpacked: Unpacked) -> None:
    quoted = "\r\n".join(['"{}",{},{}'.format(*row.split(",")) for row in RECORD.split()])

    assert unpacked(recorded(f"\r\n{quoted}\r\n\r\n"))[0]["chat.py"]


# --- .dist-info and .data


@pytest.mark.parametrize(
    "name",
    ["other-1.0.dist-info/METADATA", "chat-2.0.dist-info/METADATA", "CHAT-1.0.DIST-INFO/x", "x.dist-info", "pydantic-9.DIST-info/METADATA"],
)
def test_a_second_dist_info_is_refused(name: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(name)) == "dist-info"


@pytest.mark.parametrize("name", ["other-1.0.dist-info/METADATA", f"{INFO}/entry_points.txt", f"{INFO}/METADATA", "x.Dist-Info"])
@pytest.mark.parametrize("scheme", ["purelib", "platlib", "data"])
def test_data_adds_nothing_to_any_dist_info(name: str, scheme: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(f"chat-1.0.data/{scheme}/{name}")) == "dist-info"


@pytest.mark.parametrize("stem", ["chat", "chat-2.0", "other-1.0", "-1.0", "chat-", "chat-one"])
def test_a_dist_info_of_another_release_makes_the_wheel_misnamed(stem: str, unpacked: Unpacked) -> None:
    parts = [replace(part, name=part.name.replace(INFO, f"{stem}.dist-info")) for part in PARTS[:-1]]

    with pytest.raises(WheelMisnamed, match="another release"):
        unpacked(BuiltWheel(CHAT.filename, pack(with_record(parts, f"{stem}.dist-info"))))


@pytest.mark.parametrize(
    "name",
    [
        "other-1.0.data/purelib/x.py",
        "chat-1.0.DATA/purelib/x.py",
        "x.data/y",
        "chat-1.0.data/x.py",
        "chat-1.0.data/purelib",
        "chat-1.0.data/PURELIB/x.py",
        "chat-1.0.data/include/x.h",
    ],
)
def test_data_directories_that_no_standard_knows_are_refused(name: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(name)) == "data-scheme"


def test_a_directory_entry_of_an_unknown_scheme_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(BuiltWheel(CHAT.filename, pack([*PARTS, Part(name="chat-1.0.data/include/")]))) == "data-scheme"


def test_two_spellings_of_the_data_directory_are_refused(rule_of: RuleOf) -> None:
    assert rule_of(bringing("chat-1.0.data/data/x", "Chat-1.0.data/data/y")) == "data-scheme"


@pytest.mark.parametrize(
    "text", ["", "Wheel-Version: 2.0\n", "Wheel-Version: \n", "Wheel-Version: 1.0\nWheel-Version: 1.0\n", "Wheel-Version: 10\n"]
)
def test_a_wheel_of_another_format_is_refused(text: str, rule_of: RuleOf) -> None:
    assert rule_of(described("WHEEL", text)) == "wheel-version"


def test_a_later_minor_version_of_the_format_is_read(unpacked: Unpacked) -> None:
    assert unpacked(described("WHEEL", "Wheel-Version: 1.9\n"))[0]


# --- what the host and the standard library have


@pytest.mark.parametrize(
    "name",
    [
        "os.py",
        "json/__init__.py",
        "json/tool.py",
        "asyncio/deep/down/x.py",
        "_ctypes.so",
        "_ssl.cpython-311-x86_64-linux-gnu.so",
        "os.pyc",
        "sys.abi3.so",
        "\uff4f\uff53.py",
        "chat-1.0.data/purelib/os.py",
        "chat-1.0.data/platlib/json/__init__.py",
        "chat-1.0.data/data/email/x.py",
        "__future__.py",
        "builtins.py",
    ],
)
def test_a_module_of_the_standard_library_is_refused(name: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(name)) == "shadows"


@pytest.mark.parametrize(
    "name", ["fastapi.py", "fastapi/x.py", "plughost/sdk.py", "chat-1.0.data/purelib/fastapi/__init__.py", "fastapi/__init__.so"]
)
def test_a_module_that_the_host_shares_is_refused(name: str, rule_of: RuleOf, unpacked: Unpacked) -> None:
    assert rule_of(bringing(name), forbidden=frozenset(("fastapi", "plughost"))) == "shadows"
    assert unpacked(bringing(name))[0]


@pytest.mark.parametrize(
    "name",
    ["pkg/os.py", "json.txt", "html/index.html", "os_more.py", "json-schema/x.py", "chat-1.0.data/scripts/os.py", "os.x.py", "chat.os.py"],
)
def test_what_no_import_of_that_name_would_find_passes(name: str, unpacked: Unpacked) -> None:
    assert unpacked(bringing(name))[0]


# --- entry points


@pytest.mark.parametrize(
    "reference",
    [
        "os:system",
        "subprocess:run",
        "json",
        "chat_more:plugin",
        "chat.more:plugin",
        "Chat:plugin",
        "empty:x",
        "plughost:x",
        "os.path:join [extra]",
        ":x",
        "builtins:exec",
    ],
)
def test_a_plugin_that_is_not_in_the_wheel_is_refused(reference: str, rule_of: RuleOf) -> None:
    assert rule_of(described("entry_points.txt", f"[plughost.plugins]\nchat = {reference}\n")) == "entry-point"


@pytest.mark.parametrize(
    "name",
    [
        "more.py",
        "more/__init__.py",
        "more.so",
        "more.cpython-311-x86_64-linux-gnu.so",
        "more/__init__.pyc",
        "chat-1.0.data/purelib/more.py",
    ],
)
@pytest.mark.parametrize("reference", ["more", "more:plugin", "more:make.plugin", "more : plugin [x, y]"])
def test_a_plugin_that_is_in_the_wheel_passes(name: str, reference: str, unpacked: Unpacked) -> None:
    _, facts = unpacked(wheel("chat", "1.0", {name: "x"}, plugins={"chat": reference}))

    assert facts.entry_points == {"plughost.plugins": {"chat": reference}}


@pytest.mark.parametrize(
    "name",
    [
        "more.txt",
        "a/more.py",
        "more/x.txt",
        "more.pth",
        "__pycache__/more.py",
        "chat-1.0.data/scripts/more.py",
        "chat-1.0.data/data/more.py",
    ],
)
def test_a_plugin_whose_module_is_left_out_or_none_is_refused(name: str, rule_of: RuleOf) -> None:
    assert rule_of(wheel("chat", "1.0", {name: "x"}, plugins={"chat": "more:plugin"})) == "entry-point"


def test_entries_of_other_groups_may_name_other_distributions_but_not_the_host(rule_of: RuleOf, unpacked: Unpacked) -> None:
    elsewhere = described("entry_points.txt", "[console_scripts]\nboard = tensorboard.main:run\n")

    assert unpacked(elsewhere)[1].entry_points == {"console_scripts": {"board": "tensorboard.main:run"}}
    assert rule_of(elsewhere, forbidden=frozenset(("tensorboard",))) == "entry-point"
    assert rule_of(described("entry_points.txt", "[console_scripts]\nrun = os:system\n")) == "entry-point"


@pytest.mark.parametrize("text", ["chat = chat:plugin", "[x]\nchat", "[x]\na = b\na = c"])
def test_entry_points_that_cannot_be_read_are_refused(text: str, rule_of: RuleOf) -> None:
    assert rule_of(described("entry_points.txt", text)) == "entry-point"


def test_entry_points_in_another_encoding_are_refused(rule_of: RuleOf) -> None:
    parts = [*(part for part in PARTS[:-1] if "entry" not in part.name), Part(name=f"{INFO}/entry_points.txt", data=b"[x]\n\xff = y")]

    assert rule_of(BuiltWheel(CHAT.filename, pack(with_record(parts, INFO)))) == "entry-point"


def test_files_that_are_held_in_memory_are_small(rule_of: RuleOf) -> None:
    assert rule_of(described("entry_points.txt", "#" * (5 << 20))) == "file-too-large"
    assert rule_of(recorded(RECORD + "\n" * (1 << 20))) == "file-too-large"
