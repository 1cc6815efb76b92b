"""How large an archive may be, and which kinds of members it may have."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from dataclasses import dataclass

from plughost.errors import ArchiveRefused
from plughost.wheel.archive import Member
from plughost.wheel.contents import check_method

_DOS_DIRECTORY, _DOS_VOLUME = 0x10, 0x08


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large an archive may be. What it claims is checked first, and no member inflates to more than it claims."""

    entries: int = 100_000
    """Entries; also directories, which need no entries."""
    total: int = 4 << 30
    """Bytes of all files together."""
    each: int = 2 << 30
    """Bytes of one file."""
    ratio: int = 100
    """Inflated bytes for each byte in the archive, of a file or a whole that is larger than `ratio_floor`."""
    ratio_floor: int = 32 << 20


def check_members(members: Sequence[Member], limits: Limits, wheel: str) -> None:
    """Refused where a member is doubled, no plain file or directory, packed strangely, or claims more than the limits."""
    total, packed = sum(member.size for member in members), sum(member.packed for member in members)
    if total > limits.total:
        raise ArchiveRefused(wheel, "total-too-large", f"its files claim {total} bytes, {limits.total} are allowed")
    names = set()
    for member in members:
        if member.name in names:
            raise ArchiveRefused(wheel, "duplicate", f"it has two entries {member.name!r}")
        names.add(member.name)
        _check_kind(member, wheel)
        check_method(member, wheel)
        _check_size(member, limits, wheel)
    if total > limits.ratio_floor and total > limits.ratio * packed:
        raise ArchiveRefused(wheel, "ratio", f"{packed} bytes that claim to inflate to {total} are a bomb")


def _check_kind(member: Member, wheel: str) -> None:
    kind = stat.S_IFMT(member.mode)
    if member.is_directory:
        if member.size or member.packed or member.crc:
            raise ArchiveRefused(wheel, "directory-entry", f"the directory {member.name!r} has bytes")
        if kind not in {0, stat.S_IFDIR}:
            raise ArchiveRefused(wheel, "file-type", f"{member.name!r} is named as a directory and is something else")
    elif kind not in {0, stat.S_IFREG} or member.attributes & (_DOS_DIRECTORY | _DOS_VOLUME):
        raise ArchiveRefused(wheel, "file-type", f"{member.name!r} is no regular file (mode {member.mode:o})")


def _check_size(member: Member, limits: Limits, wheel: str) -> None:
    if member.size > limits.each:
        raise ArchiveRefused(wheel, "file-too-large", f"{member.name!r} claims {member.size} bytes, {limits.each} are allowed")
    if member.size > limits.ratio_floor and member.size > limits.ratio * member.packed:
        raise ArchiveRefused(wheel, "ratio", f"{member.name!r}: {member.packed} bytes that claim to inflate to {member.size} are a bomb")
