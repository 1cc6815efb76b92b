"""Extra fields of zip headers: well formed, none that gives a member a second name, and the wide sizes of zip64."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from plughost.errors import ArchiveRefused

ZIP64 = 0x0001
SATURATED = 0xFFFFFFFF
"""A 32-bit field that says: see the zip64 field."""

_HEAD = struct.Struct("<2H")
_RENAMING = {0x7075: "Unicode path", 0x6375: "Unicode comment"}
"""Info-ZIP's: some readers take the name from there."""


def extra_fields(extra: bytes, wheel: str) -> Mapping[int, bytes]:
    """The fields by their number; refused where they are malformed, doubled, or give the member another name."""
    fields: dict[int, bytes] = {}
    at = 0
    while at < len(extra):
        if at + _HEAD.size > len(extra):
            raise ArchiveRefused(wheel, "extra-field", "an extra field is cut off")
        number, length = _HEAD.unpack_from(extra, at)
        at += _HEAD.size + length
        if at > len(extra) or number in fields:
            raise ArchiveRefused(wheel, "extra-field", f"extra field 0x{number:04x} is cut off or comes twice")
        if number in _RENAMING:
            raise ArchiveRefused(wheel, "extra-field", f"a {_RENAMING[number]} field gives an entry a second name")
        fields[number] = extra[at - length : at]
    return fields


def widened(narrow: Sequence[int], fields: Mapping[int, bytes], wheel: str) -> list[int]:
    """The values of a directory row, each saturated one replaced by its value in the zip64 field, which has exactly these."""
    wanted = sum(value == SATURATED for value in narrow)
    if not wanted and ZIP64 not in fields:
        return list(narrow)
    wide = fields.get(ZIP64, b"")
    if len(wide) != 8 * wanted:
        raise ArchiveRefused(wheel, "zip64", "a zip64 field does not have the values that the entry refers to it for")
    values = iter(struct.unpack(f"<{wanted}Q", wide))
    return [next(values) if value == SATURATED else value for value in narrow]
