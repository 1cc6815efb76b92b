"""SHA-256 in the three forms it is written in: hexadecimal digits, Subresource Integrity, and the fragment of a URL."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from urllib.parse import urlsplit

_HEX = re.compile(r"[0-9a-f]{64}")
_URL_SAFE = str.maketrans("-_", "+/")


def parse_integrity(text: str) -> str:
    """The hexadecimal sha256 that an integrity text (W3C SRI) promises; several hashes are separated by spaces.

    ValueError where there is no sha256 in it, a broken one, or two that differ.

    >>> parse_integrity("sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
    """
    promised = {_decoded(part) for part in text.split() if part.startswith("sha256-")}
    if len(promised) != 1:
        raise ValueError(f"{text[:200]!r} promises {'no sha256' if not promised else 'two different sha256'}; write sha256-<base64>")
    return promised.pop()


def integrity(sha256_hex: str) -> str:
    """The integrity text (W3C SRI) of a hexadecimal sha256."""
    return "sha256-" + base64.b64encode(bytes.fromhex(sha256_hex)).decode()


def fragment_sha256(url: str) -> str | None:
    """The sha256 that a URL's fragment promises (`#sha256=<hex>`), or None; ValueError where the promise is broken."""
    for part in urlsplit(url).fragment.split("&"):
        key, _, value = part.partition("=")
        if key == "sha256":
            return _checked_hex(value.lower())
    return None


def hash_file(path: Path) -> str:
    """The hexadecimal sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _decoded(part: str) -> str:
    value = part.removeprefix("sha256-").partition("?")[0].translate(_URL_SAFE).rstrip("=")
    try:
        digest = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except ValueError:
        digest = b""
    return _checked_hex(digest.hex())


def _checked_hex(value: str) -> str:
    if not _HEX.fullmatch(value):
        raise ValueError(f"{value[:200]!r} is no sha256; it has 64 hexadecimal digits")
    return value
