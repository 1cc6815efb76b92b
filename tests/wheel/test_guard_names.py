"""Names that mean another place than they seem to, or the same place twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plughost.testing import BuiltWheel, Part, pack, parts_of, wheel

Unpacked = Callable[..., tuple[dict[str, bytes], Any]]
RuleOf = Callable[..., str]

CHAT = wheel("chat", "1.0", {"chat.py": "plugin = 1\n"})


def with_raw_name(raw: bytes, **said: Any) -> BuiltWheel:
    return BuiltWheel(CHAT.filename, pack([*parts_of(CHAT.data), Part(name="-", raw=raw, **said)]))


def bringing(*names: str) -> BuiltWheel:
    return wheel("chat", "1.0", {"chat.py": "plugin = 1\n", **dict.fromkeys(names, "x")})


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("/x.py", "name-absolute"),
        ("//host/x.py", "name-absolute"),
        ("/", "name-absolute"),
        ("C:x.py", "name-drive"),
        ("c:/x.py", "name-drive"),
        ("chat-1.0.data/data/c:/x.py", "name-drive"),
        ("a\\x.py", "name-backslash"),
        ("\\\\host\\x.py", "name-backslash"),
        ("..\\x.py", "name-backslash"),
        ("..", "name-dots"),
        ("../x.py", "name-dots"),
        ("a/../../x.py", "name-dots"),
        ("a/..", "name-dots"),
        ("a/../", "name-dots"),
        ("chat-1.0.data/purelib/../../x.py", "name-dots"),
        ("./x.py", "name-dots"),
        ("a/./x.py", "name-dots"),
        ("a//x.py", "name-dots"),
        ("a//", "name-dots"),
        ("a\0.py", "name-control"),
        ("x.py\0.txt", "name-control"),
        ("a\n.py", "name-control"),
        ("a\r.py", "name-control"),
        ("a\x1b[2Jx.py", "name-control"),
        ("a\x7f.py", "name-control"),
        ("a\x85.py", "name-control"),
        ("a\u2028x.py", "name-control"),
        ("a\u202ex.py", "name-control"),
        ("\uff0e\uff0e/x.py", "name-dots"),
        ("a\uff0f\uff0e\uff0e\uff0fx.py", "name-dots"),
        ("a\uff3cx.py", "name-backslash"),
        ("\uff43\uff1ax.py", "name-drive"),
        ("", "name-empty"),
        ("x" * 256, "name-too-long"),
        ("é" * 128, "name-too-long"),
        ("/".join(["x" * 200] * 6), "name-too-long"),
        ("/".join("x" * 65), "name-too-long"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(name: str, rule: str, rule_of: RuleOf) -> None:
    assert rule_of(with_raw_name(name.encode())) == rule


@pytest.mark.parametrize(
    ("raw", "flags"), [(b"\xff.py", 0), (b"\xff.py", 0x800), (b"\xc0\xae\xc0\xae/x", 0x800), (b"\xed\xa0\x80", 0x800), ("é".encode(), 0)]
)
def test_a_name_in_no_certain_encoding_is_refused(raw: bytes, flags: int, rule_of: RuleOf) -> None:
    assert rule_of(with_raw_name(raw, flags=flags)) == "name-encoding"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/b.py", "a/B.py"),
        ("a/b.py", "A/b.py"),
        ("a/b.py", "A/c.py"),
        ("a/x/b.py", "a/X/c.py"),
        ("caf\u00e9.txt", "cafe\u0301.txt"),
        ("CAF\u00c9.txt", "cafe\u0301.txt"),
        ("\ufb01le.txt", "file.txt"),
        ("stra\u00dfe.txt", "STRASSE.txt"),
        ("\u212aelvin.txt", "kelvin.txt"),
        ("\u0130.txt", "i\u0307.txt"),
        ("\u01c5.txt", "\u01c6.txt"),
        ("x\u200d.txt", "x.txt"),
        ("a\uff0fb.txt", "a/b.txt"),
        ("chat-1.0.data/purelib/x.txt", "x.txt"),
        ("chat-1.0.data/purelib/x.txt", "chat-1.0.data/platlib/x.txt"),
        ("chat-1.0.data/data/chat.PY", "y.txt"),
        ("chat-1.0.data/scripts/x", "chat-1.0.data/scripts/X"),
        ("acme.pth", "acme.PTH"),
    ],
)
def test_two_names_for_one_file_are_refused(one: str, other: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(one, other)) == "collision"
    assert rule_of(bringing(other, one)) == "collision"


@pytest.mark.parametrize(
    ("file", "below"),
    [
        ("a", "a/b.py"),
        ("a", "A/b.py"),
        ("a/b", "a/b/c/d.py"),
        ("chat-1.0.data/data/a", "a/b.py"),
        ("chat.py/x", "y.txt"),
        ("a", "chat-1.0.data/platlib/a/b.py"),
    ],
)
def test_what_is_a_file_is_no_directory(file: str, below: str, rule_of: RuleOf) -> None:
    assert rule_of(bringing(file, below)) == "file-and-directory"
    assert rule_of(bringing(below, file)) == "file-and-directory"


def test_a_directory_entry_in_the_way_of_a_file_is_refused(rule_of: RuleOf) -> None:
    assert rule_of(with_raw_name(b"chat.py/", method=0, attributes=0o40755 << 16)) == "file-and-directory"
    assert rule_of(with_raw_name(b"CHAT.PY/", method=0, attributes=0o40755 << 16)) == "file-and-directory"


@pytest.mark.parametrize(
    "name",
    [
        "with space.txt",
        "ünï/cødé.txt",
        "中文/文件.txt",
        "a+b=c@d,e;f'g.txt",
        ".hidden",
        "...",
        "a..b/c..",
        "trailing. ",
        "👩\u200d💻.png",
        "x" * 255,
    ],
)
def test_unusual_names_that_mean_one_place_pass(name: str, unpacked: Unpacked) -> None:
    assert unpacked(bringing(name))[0][name] == b"x"


def test_files_whose_names_differ_by_more_than_case_pass(unpacked: Unpacked) -> None:
    names = ("Chat/x.py", "Chat/y.py", "a/b/c.txt", "a/bc.txt", "a/b.txt", "ab/c.txt")

    assert set(names) <= unpacked(bringing(*names))[0].keys()
