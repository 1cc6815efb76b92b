"""The container: a zip archive read so strictly that no other reader finds other files in it (APPNOTE 6.3.10).

An archive says three times what it holds: an end record says where the directory is, the directory names the members, and
each member begins with a local header. Readers differ in which of them they believe, in how they look for the end record,
and in what they do about bytes that none of the three mentions; archives that are one thing to a scanner and another to an
installer live from that. So here all three have to agree, and members, directory and end records have to tile the file:
each begins where the one before ends, the first at 0, the last at the end of the file. That leaves no room for a second
directory, for members that share bytes, nor for bytes that are nobody's. This module reads the end records (`read_members`
begins there) and the directory; contents.py reads the members.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from plughost.errors import ArchiveRefused, ArtifactError, NotAWheel
from plughost.wheel.extra import extra_fields, widened
from plughost.wheel.paths import read_name

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MARK = b"PK\x06\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\x06\x07"
_CENTRAL = struct.Struct("<4sxB2x2H4x3L4H2x2L")
_CENTRAL_MARK = b"PK\x01\x02"

_LEAST_LOCAL = 30
_LONGEST_COMMENT = 0xFFFF
_ROOM, _ROOM_PER_ROW = 1 << 16, 1 << 10
"""What the directory may take, which is held in memory: no honest one needs half of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member as the directory describes it."""

    name: str
    raw: bytes
    """The name's bytes, as both headers have to spell it."""
    flags: int
    method: int
    crc: int
    packed: int
    """Size in the archive."""
    size: int
    """Size when inflated."""
    attributes: int
    """External attributes: the Unix mode above, MS-DOS attributes below."""
    start: int
    """Where its local header begins."""
    end: int
    """Where the next member, or the directory, begins."""

    @property
    def is_directory(self) -> bool:
        """Whether its name is that of a directory."""
        return self.name.endswith("/")

    @property
    def mode(self) -> int:
        """Unix mode, 0 where the archive does not say."""
        return self.attributes >> 16


class _End(NamedTuple):
    """What the end records say of the directory, and where they begin."""

    entries: int
    length: int
    offset: int
    place: int


class _Row(NamedTuple):
    """One row of the directory."""

    raw: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    attributes: int
    start: int


def read_members(file: BinaryIO, wheel: str, *, most: int) -> list[Member]:
    """All members in the order of the file, which they, the directory and the end records tile.

    NotAWheel where the file is no zip archive, ArchiveRefused where its parts contradict each other or where there are
    more than `most` members. Whether a member fills its place exactly is known when it is read (`contents`).
    """
    end = _end(file, wheel)
    if end.entries > most:
        raise ArchiveRefused(wheel, "too-many-entries", f"it has {end.entries} entries, {most} are allowed")
    _check_place(file, end, wheel)
    rows = sorted(_rows(_read_at(file, end.offset, end.length), end.entries, wheel), key=lambda row: row.start)
    starts = [*(row.start for row in rows), end.offset]
    if starts[0] != 0:
        raise ArchiveRefused(wheel, "leading-bytes", f"{starts[0]} bytes stand before its first entry")
    return [_member(row, stop, wheel) for row, stop in zip(rows, starts[1:], strict=True)]


def _read_at(file: BinaryIO, place: int, length: int) -> bytes:
    file.seek(place)
    return file.read(length)


def _end(file: BinaryIO, wheel: str) -> _End:
    size = file.seek(0, io.SEEK_END)
    place = size - _END.size
    record = _read_at(file, place, _END.size) if place >= 0 else b""
    if not record.startswith(_END_MARK):
        raise _no_end(file, size, wheel)
    _, disk, directory_disk, here, count, length, offset, comment = _END.unpack(record)
    if comment:
        raise ArchiveRefused(wheel, "comment", "its end record promises a comment that is not there")
    if disk or directory_disk or here != count:
        raise ArchiveRefused(wheel, "multi-disk", "it is a part of a split archive")
    return _end64(file, _End(count, length, offset, place), wheel)


def _no_end(file: BinaryIO, size: int, wheel: str) -> ArtifactError:
    tail = _read_at(file, max(0, size - _END.size - _LONGEST_COMMENT), _END.size + _LONGEST_COMMENT)
    place = tail.rfind(_END_MARK)
    after = len(tail) - place - _END.size
    if place < 0 or after < 0:
        return NotAWheel(wheel, "it has no end record of a zip archive")
    if tail.count(_END_MARK) > 1:
        return ArchiveRefused(wheel, "end-records", "it has more than one end record")
    if _END.unpack_from(tail, place)[-1] == after:
        return ArchiveRefused(wheel, "comment", "it has a comment, in which another archive could hide")
    return ArchiveRefused(wheel, "trailing-bytes", f"{after} bytes stand after its end record")


def _end64(file: BinaryIO, plain: _End, wheel: str) -> _End:
    locator = _read_at(file, plain.place - _LOCATOR.size, _LOCATOR.size) if plain.place >= _LOCATOR.size else b""
    if not locator.startswith(_LOCATOR_MARK):
        return plain
    place = plain.place - _LOCATOR.size - _END64.size
    record = _read_at(file, place, _END64.size) if place >= 0 else b""
    if _LOCATOR.unpack(locator)[1:] != (0, place, 1) or not record.startswith(_END64_MARK):
        raise ArchiveRefused(wheel, "zip64", "its zip64 end record is not where the locator says")
    _, length, _, _, disk, directory_disk, here, *wide = _END64.unpack(record)
    if length != _END64.size - 12 or disk or directory_disk or here != wide[0]:
        raise ArchiveRefused(wheel, "zip64", "its zip64 end record is malformed")
    narrow = zip(plain[:3], (0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), wide, strict=True)
    if any(said not in {saturated, meant} for said, saturated, meant in narrow):
        raise ArchiveRefused(wheel, "zip64", "its two end records contradict each other")
    return _End(wide[0], wide[1], wide[2], place)


def _check_place(file: BinaryIO, end: _End, wheel: str) -> None:
    if end.length > _ROOM + _ROOM_PER_ROW * end.entries:
        raise ArchiveRefused(wheel, "central-directory", f"its directory takes {end.length} bytes for {end.entries} entries")
    gap = end.place - end.offset - end.length
    if gap < 0:
        raise ArchiveRefused(wheel, "central-directory", "its directory reaches into its end record")
    if gap == 0:
        return
    nearest = min(gap, _LONGEST_COMMENT)
    if _END_MARK in _read_at(file, end.place - nearest, nearest):
        raise ArchiveRefused(wheel, "end-records", "it has more than one end record")
    if _read_at(file, end.place - end.length, 4) == _CENTRAL_MARK:
        raise ArchiveRefused(wheel, "leading-bytes", f"{gap} bytes stand before the archive")
    raise ArchiveRefused(wheel, "hidden-bytes", f"{gap} bytes between its directory and its end record are nobody's")


def _rows(directory: bytes, count: int, wheel: str) -> Iterator[_Row]:
    at = 0
    for _ in range(count):
        row, at = _row(directory, at, wheel)
        yield row
    if at != len(directory):
        raise ArchiveRefused(wheel, "central-directory", f"its directory goes on after its {count} entries")


def _row(directory: bytes, at: int, wheel: str) -> tuple[_Row, int]:
    names = at + _CENTRAL.size
    if names > len(directory) or not directory.startswith(_CENTRAL_MARK, at):
        raise ArchiveRefused(wheel, "central-directory", "its directory has fewer entries than its end record says")
    _, flags, method, crc, packed, size, *lengths, disk, attributes, start = _CENTRAL.unpack_from(directory, at)[1:]
    extras = names + lengths[0]
    stop = extras + lengths[1]
    raw, extra = directory[names:extras], directory[extras:stop]
    if stop > len(directory):
        raise ArchiveRefused(wheel, "central-directory", "its directory ends within an entry")
    if lengths[2]:
        raise ArchiveRefused(wheel, "comment", f"its entry {raw[:200]!r} has a comment, in which another archive could hide")
    if disk:
        raise ArchiveRefused(wheel, "multi-disk", f"its entry {raw[:200]!r} is on another disk")
    if _END_MARK in extra:
        raise ArchiveRefused(wheel, "end-records", f"an extra field of its entry {raw[:200]!r} looks like an end record")
    size, packed, start = widened((size, packed, start), extra_fields(extra, wheel), wheel)
    return _Row(raw, flags, method, crc, packed, size, attributes, start), stop


def _member(row: _Row, end: int, wheel: str) -> Member:
    if row.start + _LEAST_LOCAL + row.packed > end:
        raise ArchiveRefused(wheel, "overlap", f"its entry {row.raw[:200]!r} reaches into what follows it")
    return Member(
        name=read_name(row.raw, row.flags, wheel),
        raw=row.raw,
        flags=row.flags,
        method=row.method,
        crc=row.crc,
        packed=row.packed,
        size=row.size,
        attributes=row.attributes,
        start=row.start,
        end=end,
    )
