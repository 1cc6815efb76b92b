"""What a client wants of a page (RFC 9110, sections 12.5 and 13.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

VERSION = "1.4"
JSON = f"application/vnd.pypi.simple.v{VERSION.partition('.')[0]}+json"
HTML = f"application/vnd.pypi.simple.v{VERSION.partition('.')[0]}+html"
PLAIN = "text/html"
LONGEST = 2048
"""Characters of a wish that are read: answers are remembered by it."""
_ASKED = {
    JSON: JSON,
    "application/vnd.pypi.simple.latest+json": JSON,
    HTML: HTML,
    "application/vnd.pypi.simple.latest+html": HTML,
    PLAIN: PLAIN,
    "*/*": PLAIN,
    "text/*": PLAIN,
}


def headers_of(raw: Iterable[tuple[bytes, bytes]], *names: bytes) -> list[str]:
    """The values of these headers, empty where they were not sent; several of one name are one list."""
    found: dict[bytes, str] = {}
    for name, value in raw:
        if name in names:
            text = value.decode("latin-1")
            found[name] = f"{found[name]}, {text}" if name in found else text
    return [found.get(name, "") for name in names]


def kind(accept: str, wished: str | None = None) -> str:
    """The representation of a simple page that the client prefers; HTML where it has no wish. `wished`: from `?format=`."""
    return _preferred(accept[:LONGEST]) if wished is None else _ASKED.get(wished, PLAIN)


@lru_cache(maxsize=512)
def _preferred(accept: str) -> str:
    best, weight = PLAIN, 0.0
    for offered, quality in _weighted(accept):
        if offered in _ASKED and quality > weight:
            best, weight = _ASKED[offered], quality
    return best


def takes_gzip(accept_encoding: str) -> bool:
    """Whether the answer may be compressed."""
    return _takes_gzip(accept_encoding[:LONGEST])


@lru_cache(maxsize=512)
def _takes_gzip(accept_encoding: str) -> bool:
    return any(coding == "gzip" and quality > 0 for coding, quality in _weighted(accept_encoding))


def unchanged(if_none_match: str, etag: str) -> bool:
    """Whether the client has this representation already; compared weakly, as the RFC says for If-None-Match."""
    wished = if_none_match.strip()
    return wished == "*" or etag in {each.strip().removeprefix("W/") for each in wished.split(",")}


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        value, *parameters = (piece.strip().lower() for piece in part.split(";"))
        yield value, next((_quality(piece[2:]) for piece in parameters if piece.startswith("q=")), 1.0)


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
