"""Zip archives written by hand, so that any of their fields can be made to lie.

A `Part` that is told nothing but its name and data is written honestly, and a list of them is an archive that every reader
takes. What is told beside that goes into the archive as it is, right or wrong.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s2B5H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_UTF8 = 0x800
_STORED, _DEFLATED = 0, 8
_UNIX, _VERSION = 3, 20
_DATE = 40 << 9 | 1 << 5 | 1
"""The first of January 2020."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One entry of an archive; what is None is made from the name and the data."""

    name: str
    data: bytes = b""
    raw: bytes | None = None
    """The name's bytes."""
    method: int | None = None
    payload: bytes | None = None
    """The data as packed."""
    flags: int | None = None
    crc: int | None = None
    size: int | None = None
    packed: int | None = None
    attributes: int | None = None
    extra: bytes = b""
    """Extra fields of its row in the directory."""
    comment: bytes = b""
    disk: int = 0
    start: int | None = None
    """Where the directory says that its local header begins."""
    local: Mapping[str, Any] = field(default_factory=dict)
    """What its local header says otherwise: mark, raw, flags, method, crc, packed, size, extra."""
    before: bytes = b""
    """Bytes before its local header."""
    after: bytes = b""
    """Bytes after its data, a data descriptor for one."""
    listed: bool = True
    """Whether the directory names it."""


class _Header(NamedTuple):
    mark: bytes
    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    extra: bytes = b""


def pack(
    parts: Sequence[Part],
    *,
    gap: bytes = b"",
    comment: bytes = b"",
    end: Mapping[str, int] | None = None,
    zip64: Mapping[str, int] | None = None,
) -> bytes:
    """An archive of these parts; `gap` stands between its directory and its end records.

    `end` is what the end record says otherwise (entries, length, offset, disk, comment). `zip64` is likewise what the zip64
    record says otherwise (also size, place), which is written only where this is given, be it empty.
    """
    body, directory = io.BytesIO(), io.BytesIO()
    for part in parts:
        body.write(part.before)
        header, payload = _header(part)
        directory.write(_row(part, header, body.tell()) if part.listed else b"")
        body.write(_local(header._replace(**{"mark": b"PK\x03\x04", **part.local})) + payload + part.after)
    said = {"entries": sum(part.listed for part in parts), "length": directory.tell(), "offset": body.tell(), "disk": 0}
    archive = body.getvalue() + directory.getvalue() + gap
    archive += b"" if zip64 is None else _wide_end({**said, "size": 44, "place": len(archive), **zip64})
    return archive + _narrow_end({**said, "comment": len(comment), **(end or {})}) + comment


def parts_of(archive: bytes) -> list[Part]:
    """The entries of an archive that the standard library reads, to be changed and packed again."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return [Part(name=info.filename, data=opened.read(info), attributes=info.external_attr) for info in opened.infolist()]


def deflated(data: bytes) -> bytes:
    """The data as a raw deflate stream."""
    machine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return machine.compress(data) + machine.flush()


def _header(part: Part) -> tuple[_Header, bytes]:
    raw = part.name.encode() if part.raw is None else part.raw
    method = part.method
    if method is None:
        method = _STORED if part.name.endswith("/") else _DEFLATED
    payload = part.payload
    if payload is None:
        payload = deflated(part.data) if method == _DEFLATED else part.data
    header = _Header(
        mark=b"PK\x01\x02",
        raw=raw,
        flags=(0 if raw.isascii() else _UTF8) if part.flags is None else part.flags,
        method=method,
        crc=zlib.crc32(part.data) if part.crc is None else part.crc,
        packed=len(payload) if part.packed is None else part.packed,
        size=len(part.data) if part.size is None else part.size,
    )
    return header, payload


def _row(part: Part, header: _Header, place: int) -> bytes:
    attributes = part.attributes
    if attributes is None:
        attributes = 0o40755 << 16 | 0x10 if part.name.endswith("/") else 0o100644 << 16
    lengths = (len(header.raw), len(part.extra), len(part.comment))
    fixed = _CENTRAL.pack(
        header.mark, _VERSION, _UNIX, _VERSION, header.flags, header.method, 0, _DATE, header.crc, header.packed, header.size,
        *lengths, part.disk, 0, attributes, place if part.start is None else part.start,
    )  # fmt: skip
    return fixed + header.raw + part.extra + part.comment


def _local(header: _Header) -> bytes:
    sizes = (header.crc, header.packed, header.size, len(header.raw), len(header.extra))
    return _LOCAL.pack(header.mark, _VERSION, header.flags, header.method, 0, _DATE, *sizes) + header.raw + header.extra


def _narrow_end(said: Mapping[str, int]) -> bytes:
    entries = said["entries"]
    return _END.pack(b"PK\x05\x06", said["disk"], 0, entries, entries, said["length"], said["offset"], said["comment"])


def _wide_end(said: Mapping[str, int]) -> bytes:
    entries = said["entries"]
    versions = (_VERSION, _VERSION, said["disk"], 0)
    record = _END64.pack(b"PK\x06\x06", said["size"], *versions, entries, entries, said["length"], said["offset"])
    return record + _LOCATOR.pack(b"PK\x06\x07", 0, said["place"], 1)
