"""RECORD: which files a wheel has and their hashes (PEP 376, PEP 427)."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from plughost.errors import ArchiveRefused

_STRONG = frozenset(("sha256", "sha384", "sha512"))
_LONGEST_LINE = 4096
_ROW = 3
SIGNATURES = ("RECORD.jws", "RECORD.p7s")
"""They sign RECORD, so RECORD cannot name them."""


class Row(NamedTuple):
    """What RECORD says of one file, as text."""

    hash: str
    size: str


Record = Mapping[str, Row]
"""By the file's name in the archive."""


def parse_record(text: bytes, wheel: str) -> Record:
    """RECORD's rows by path; refused where it is not such a table or names a file twice."""
    rows: dict[str, Row] = {}
    for path, *row in _table(text, wheel):
        if path in rows:
            raise ArchiveRefused(wheel, "record-duplicate", f"RECORD names {path!r} twice")
        rows[path] = Row(*row)
    return rows


def check_names(record: Record, names: Collection[str], info: str, wheel: str) -> None:
    """Refused unless RECORD names all files of the archive and no others, with hashes for all but itself and its signatures."""
    unhashed = {f"{info}/{name}" for name in ("RECORD", *SIGNATURES)}
    for path in names:
        if path not in record and path not in unhashed:
            raise ArchiveRefused(wheel, "record-unlisted", f"{path!r} is not in RECORD")
    for path, row in record.items():
        if path not in names:
            raise ArchiveRefused(wheel, "record-absent", f"RECORD names {path!r}, which is not in the archive")
        if not row.hash and path not in unhashed:
            raise ArchiveRefused(wheel, "record-hash-missing", f"RECORD has no hash of {path!r}")
        if row.hash and path == f"{info}/RECORD":
            raise ArchiveRefused(wheel, "record-hash", "RECORD has a hash of itself, which cannot be right")
        if row.hash and row.hash.partition("=")[0] not in _STRONG:
            raise ArchiveRefused(
                wheel, "record-hash-weak", f"RECORD hashes {path!r} by {row.hash.partition('=')[0]!r}; sha256, sha384 and sha512 count"
            )


def verified(pieces: Iterator[bytes], path: str, row: Row, wheel: str) -> Iterator[bytes]:
    """The same pieces, the last one only when all of them have the hash and size that RECORD says."""
    algorithm, _, promised = row.hash.partition("=")
    digest, size = hashlib.new(algorithm, usedforsecurity=True), 0
    held = b""
    for piece in pieces:
        if held:
            yield held
        held = piece
        digest.update(piece)
        size += len(piece)
    if base64.urlsafe_b64encode(digest.digest()).rstrip(b"=") != promised.encode().rstrip(b"="):
        raise ArchiveRefused(wheel, "record-hash", f"{path!r} does not have the hash that RECORD says")
    if row.size and row.size != str(size):
        raise ArchiveRefused(wheel, "record-size", f"{path!r} has {size} bytes, RECORD says {row.size[:20]!r}")
    yield held


def _table(text: bytes, wheel: str) -> Iterator[list[str]]:
    try:
        lines = text.decode().split("\n")
        if max(map(len, lines)) > _LONGEST_LINE:
            raise ArchiveRefused(wheel, "record-malformed", "RECORD has a line that is too long to be a row")
        for row in csv.reader(lines, strict=True):
            if row and len(row) != _ROW:
                raise ArchiveRefused(wheel, "record-malformed", f"RECORD has the row {row!r}, which is not path, hash, size")
            if row:
                yield row
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArchiveRefused(wheel, "record-malformed", f"RECORD is not a table in UTF-8: {error}") from None
