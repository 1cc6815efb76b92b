from __future__ import annotations

import pytest

from plughost.errors import NotAWheel
from plughost.wheel import parse_entry_points, parse_metadata

CHAT = "Metadata-Version: 2.4\nName: Acme.Chat\nVersion: 1.0.0\n"


def test_the_fields_that_plughost_needs_are_read() -> None:
    text = f"""{CHAT}Summary: Chat for
  everyone
Requires-Python: >=3.11
License: MIT
        
        Permission is hereby granted
Requires-Dist: rich>=14
Requires-Dist: Babel ; extra == "i18n"
Provides-Extra: I18N

Requires-Dist: not-a-field
""".encode()  # noqa: W293 (a line of blanks does not end the fields)

    metadata = parse_metadata(text, "chat.whl")

    assert (metadata.name, metadata.project, metadata.version) == ("Acme.Chat", "acme-chat", "1.0.0")
    assert metadata.requires_python == ">=3.11"
    assert metadata.requires == ("rich>=14", 'Babel; extra == "i18n"')
    assert metadata.extras == {"i18n"}
    assert metadata.summary == "Chat for everyone"
    assert metadata.text == text


def test_what_is_not_there_is_none_or_empty() -> None:
    metadata = parse_metadata(CHAT.encode(), "chat.whl")

    assert (metadata.requires_python, metadata.requires, metadata.extras, metadata.summary) == (None, (), frozenset(), "")


def test_every_kind_of_line_end_is_understood() -> None:
    for end in ("\r\n", "\r"):
        metadata = parse_metadata(f"{CHAT}Requires-Dist: rich\n\nDescription".replace("\n", end).encode(), "chat.whl")
        assert metadata.requires == ("rich",)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Name: chat\nVersion: 1.0\n",
        "Metadata-Version: 3.0\nName: chat\nVersion: 1.0\n",
        "Metadata-Version: 2.1\nVersion: 1.0\n",
        "Metadata-Version: 2.1\nName: chat\n",
        f"{CHAT}Name: other\n",
        f"{CHAT}Version: 2.0\n",
        f"{CHAT}Requires-Python: >=3\nRequires-Python: >=4\n",
        f"{CHAT}Requires-Python: three\n",
        f"{CHAT}Requires-Dist: rich\nRequires-Dist: not a requirement\n",
        f"{CHAT}Requires-Dist: rich; {'(' * 100_000}\n",
        f"{CHAT}Provides-Extra: no good\n",
        "Metadata-Version: 2.1\nName: ../chat\nVersion: 1.0\n",
        "Metadata-Version: 2.1\nName: chat\nVersion: one\n",
        CHAT + "Requires-Dist: x\n" * 100_000,
        f"{CHAT}From someone\nRequires-Dist: rich\n",
        "\ufeff" + CHAT,
        f"{CHAT}Requires-Python: >={'9' * 5000}\n",
        f"{CHAT}Requires-Dist: rich>={'9' * 5000}\n",
    ],
    ids=lambda text: repr(text[-40:]),
)
def test_metadata_that_leave_a_doubt_are_refused(text: str) -> None:
    with pytest.raises(NotAWheel, match="METADATA cannot be read"):
        parse_metadata(text.encode(), "chat.whl")


def test_a_requirement_that_is_not_utf8_does_not_vanish() -> None:
    with pytest.raises(NotAWheel, match="requires-dist"):
        parse_metadata(CHAT.encode() + b"Requires-Dist: rich\nRequires-Dist: \xff\n", "chat.whl")


def test_fields_that_nobody_reads_cost_nothing() -> None:
    text = CHAT + "".join(f"X-Field-{number}: x\n" for number in range(100_000)) + "requires-DIST: rich\n"

    assert parse_metadata(text.encode(), "chat.whl").requires == ("rich",)


def test_a_description_that_is_a_nested_mime_message_is_not_parsed() -> None:
    nested = "".join(f'Content-Type: multipart/mixed; boundary="{depth}"\n\n--{depth}\n' for depth in range(5_000))

    assert parse_metadata(f"{CHAT}{nested}".encode(), "chat.whl").project == "acme-chat"


def test_entry_points_are_read_as_importlib_reads_them() -> None:
    text = """
# a comment
[plughost.plugins]
chat = acme_chat.entry:plugin
 Big=acme_chat:Big [extra]
[ empty ]
[console_scripts]
chat = acme_chat:main
"""

    assert parse_entry_points(text) == {
        "plughost.plugins": {"chat": "acme_chat.entry:plugin", "Big": "acme_chat:Big [extra]"},
        "empty": {},
        "console_scripts": {"chat": "acme_chat:main"},
    }


@pytest.mark.parametrize("text", ["a = b", "[x]\na", "[x]\na =", "[x]\n= b", "[x]\na = b\na = c", "[x]\na = b\n[x]\na = c"])
def test_entry_points_that_leave_a_doubt_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no entry of a group"):
        parse_entry_points(text)
