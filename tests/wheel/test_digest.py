from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from plughost.wheel import fragment_sha256, hash_file, integrity, parse_integrity

HEX = hashlib.sha256(b"wheel").hexdigest()
SRI = integrity(HEX)


def test_an_integrity_text_and_hexadecimal_digits_say_the_same() -> None:
    assert SRI.startswith("sha256-")
    assert parse_integrity(SRI) == HEX


def test_other_hashes_options_missing_padding_and_the_url_alphabet_do_not_disturb() -> None:
    url_safe = SRI.removeprefix("sha256-").translate(str.maketrans("+/", "-_"))

    assert parse_integrity(f"sha512-AAAA {SRI}?ct=application/zip sha384-BBBB") == HEX
    assert parse_integrity(SRI.rstrip("=")) == HEX
    assert parse_integrity(f"sha256-{url_safe}") == HEX
    assert parse_integrity(f"{SRI} {SRI}") == HEX


@pytest.mark.parametrize(
    "text",
    ["", "sha512-AAAA", "sha256-", "sha256-AAAA", "sha256-!!!", f"sha256-{HEX}", HEX, f"{SRI} {integrity('0' * 64)}", "sha256-é"],
)
def test_what_promises_no_sha256_or_two_is_no_integrity(text: str) -> None:
    with pytest.raises(ValueError, match="sha256"):
        parse_integrity(text)


def test_a_urls_fragment_promises_a_hash() -> None:
    assert fragment_sha256(f"https://example.com/a.whl#sha256={HEX}") == HEX
    assert fragment_sha256(f"https://example.com/a.whl#egg=a&sha256={HEX.upper()}") == HEX
    assert fragment_sha256("https://example.com/a.whl") is None
    assert fragment_sha256("https://example.com/a.whl#egg=a") is None


def test_a_broken_promise_in_a_fragment_is_not_overlooked() -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        fragment_sha256("https://example.com/a.whl#sha256=abc")


def test_a_file_is_hashed_whole(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"wheel" * 1_000_000)

    assert hash_file(tmp_path / "large") == hashlib.sha256(b"wheel" * 1_000_000).hexdigest()
