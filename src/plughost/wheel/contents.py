"""What is inside one member: its local header checked against the directory, its bytes inflated, counted, and their CRC."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from plughost.errors import ArchiveRefused
from plughost.wheel.archive import Member
from plughost.wheel.extra import SATURATED, ZIP64, extra_fields

_LOCAL = struct.Struct("<4s2x2H4x3L2H")
_LOCAL_MARK = b"PK\x03\x04"
_DESCRIPTOR_MARK = b"PK\x07\x08"

_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _DESCRIPTOR = 0x1, 0x8
_KNOWN_FLAGS = 0x6 | _DESCRIPTOR | 0x800
"""How hard it was deflated, sizes that follow the data, a name in UTF-8."""

_PIECE = 1 << 20
"""A member that is at most so large, packed and inflated, is read at once; a larger one in pieces of this size."""
_LONGEST_HEADER = _LOCAL.size + 2 * 0xFFFF
_LONGEST_DESCRIPTOR = 24


def check_method(member: Member, wheel: str) -> None:
    """Refused where the directory says that the member is packed in a way that not every reader knows."""
    if member.flags & _ENCRYPTED:
        raise ArchiveRefused(wheel, "encrypted", f"{member.name!r} is encrypted")
    if member.method not in {_STORED, _DEFLATED}:
        raise ArchiveRefused(wheel, "method", f"{member.name!r} is packed by method {member.method}, only stored and deflated are read")
    if member.flags & ~_KNOWN_FLAGS:
        raise ArchiveRefused(wheel, "flags", f"{member.name!r} has the flags 0x{member.flags:04x}, which change how it is read")


def contents(file: BinaryIO, member: Member, wheel: str) -> Iterator[bytes]:
    """The member's bytes; whoever reads to the end has `member.size` bytes with the CRC that the directory says.

    One piece where the member is small, and always at least one. Bytes may be handed over before the whole is checked.
    """
    if max(member.end - member.start, member.size) <= _PIECE:
        return iter((_whole(file, member, wheel),))
    return _pieces(file, member, wheel)


def _whole(file: BinaryIO, member: Member, wheel: str) -> bytes:
    file.seek(member.start)
    extent = file.read(member.end - member.start)
    begin = _check_local(member, extent, wheel)
    stop = begin + member.packed
    _check_descriptor(member, extent[stop:], wheel)
    data = extent[begin:stop]
    if member.method == _DEFLATED:
        data = _inflate(data, member, wheel)
    _check_sum(member, len(data), zlib.crc32(data), wheel)
    return data


def _inflate(data: bytes, member: Member, wheel: str) -> bytes:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = machine.decompress(data, member.size + 1)
    except zlib.error as error:
        raise _broken(member, str(error), wheel) from None
    if len(data) <= member.size and not machine.eof:
        raise _broken(member, "it is cut off", wheel)
    if machine.unused_data:
        raise _broken(member, "it goes on after its end", wheel)
    return data


def _pieces(file: BinaryIO, member: Member, wheel: str) -> Iterator[bytes]:
    size = crc = 0
    packed = _packed(file, member, wheel)
    for piece in packed if member.method == _STORED else _inflated(packed, member, wheel):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        if size > member.size:
            break
        yield piece
    _check_sum(member, size, crc, wheel)


def _packed(file: BinaryIO, member: Member, wheel: str) -> Iterator[bytes]:
    file.seek(member.start)
    begin = member.start + _check_local(member, file.read(min(_LONGEST_HEADER, member.end - member.start)), wheel)
    stop = begin + member.packed
    for place in range(begin, stop, _PIECE):
        # Whoever reads the pieces may have read something else of the file meanwhile.
        file.seek(place)
        yield file.read(min(_PIECE, stop - place))
    file.seek(stop)
    _check_descriptor(member, file.read(min(_LONGEST_DESCRIPTOR + 1, member.end - stop)), wheel)


def _inflated(packed: Iterator[bytes], member: Member, wheel: str) -> Iterator[bytes]:
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for data in packed:
            piece = machine.decompress(data, _PIECE)
            while piece:
                yield piece
                piece = machine.decompress(machine.unconsumed_tail, _PIECE)
            if machine.unused_data:
                raise _broken(member, "it goes on after its end", wheel)
    except zlib.error as error:
        raise _broken(member, str(error), wheel) from None
    if not machine.eof:
        raise _broken(member, "it is cut off", wheel)


def _check_local(member: Member, extent: bytes, wheel: str) -> int:
    """The place in `extent` where the member's data begin."""
    if not extent.startswith(_LOCAL_MARK) or len(extent) < _LOCAL.size:
        raise ArchiveRefused(wheel, "local-header", f"no entry begins where the directory says that {member.name!r} does")
    _, flags, method, crc, packed, size, name_length, extra_length = _LOCAL.unpack_from(extent)
    begin: int = _LOCAL.size + name_length + extra_length
    if (flags, method, extent[_LOCAL.size : _LOCAL.size + name_length]) != (member.flags, member.method, member.raw):
        raise ArchiveRefused(
            wheel, "local-header", f"{member.name!r} has another name, method or flags in its own header than in the directory"
        )
    if begin + member.packed > member.end - member.start:
        raise ArchiveRefused(wheel, "overlap", f"{member.name!r} reaches into what follows it")
    fields = extra_fields(extent[begin - extra_length : begin], wheel)
    size, packed = _local_sizes((size, packed), fields.get(ZIP64), wheel)
    later = flags & _DESCRIPTOR
    for said, meant in ((crc, member.crc), (packed, member.packed), (size, member.size)):
        if said != meant and not (later and said == 0):
            raise ArchiveRefused(wheel, "local-header", f"{member.name!r} has another size or CRC in its own header than in the directory")
    return begin


def _local_sizes(narrow: tuple[int, int], wide: bytes | None, wheel: str) -> tuple[int, int]:
    if wide is None:
        return narrow
    if len(wide) != 16:  # noqa: PLR2004 (APPNOTE 4.5.3: in a local header always both sizes)
        raise ArchiveRefused(wheel, "zip64", "the zip64 field of a local header does not have both sizes")
    size, packed = struct.unpack("<2Q", wide)
    if narrow[0] not in {SATURATED, size} or narrow[1] not in {SATURATED, packed}:
        raise ArchiveRefused(wheel, "zip64", "a local header and its zip64 field contradict each other")
    return size, packed


def _check_descriptor(member: Member, after: bytes, wheel: str) -> None:
    if not member.flags & _DESCRIPTOR:
        if after:
            raise ArchiveRefused(wheel, "hidden-bytes", f"the bytes after {member.name!r} are nobody's")
        return
    said = (member.crc, member.packed, member.size)
    forms = ("<3L", "<L2Q") if max(said) <= SATURATED else ("<L2Q",)
    if not any(after in {struct.pack(form, *said), _DESCRIPTOR_MARK + struct.pack(form, *said)} for form in forms):
        raise ArchiveRefused(wheel, "data-descriptor", f"what follows {member.name!r} is not its sizes and CRC, and nothing else")


def _check_sum(member: Member, size: int, crc: int, wheel: str) -> None:
    if size != member.size:
        raise ArchiveRefused(
            wheel, "size", f"{member.name!r} has {'more' if size > member.size else 'fewer'} than the {member.size} bytes it claims"
        )
    if crc != member.crc:
        raise ArchiveRefused(wheel, "crc", f"{member.name!r} does not have the CRC that the archive says")


def _broken(member: Member, why: str, wheel: str) -> ArchiveRefused:
    return ArchiveRefused(wheel, "deflate", f"{member.name!r} cannot be inflated: {why}")
