"""METADATA and entry_points.txt, as far as plughost needs them; `packaging` reads every field."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from email.errors import MessageError
from itertools import takewhile

from packaging.metadata import Metadata as Fields
from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from plughost.errors import ArchiveRefused, DirectUrl, NotAWheel, WheelMisfit, WheelMisnamed
from plughost.wheel.name import WheelName, fits

_HEADER_LINE = re.compile(rb"From |[!-9;-~]*:|[\t ]")
"""What the standard library's email parser takes for a line of the header; the first other line begins the body."""
_PYTHON = ".".join(map(str, sys.version_info[:3]))
_LONGEST_HEADER = 1 << 20
_HUGE_NUMBER = re.compile(rb"\d{600}")
"""Python refuses to read numbers of more digits than it is set to, 640 at least: nobody later shall stumble over one."""
_READ_VERSIONS = ("1.", "2.")
_NEEDED = frozenset(("metadata-version", "name", "version", "requires-python", "requires-dist", "provides-extra"))
_READ = frozenset(field.encode() for field in (*_NEEDED, "summary"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """Who a wheel says it is and what it requires."""

    name: str
    """As written."""
    project: str
    """Normalised (PEP 503)."""
    version: str
    """Canonical (PEP 440)."""
    requires_python: str | None
    requires: tuple[str, ...]
    """Requires-Dist, each a valid requirement (PEP 508)."""
    extras: frozenset[str]
    """Provides-Extra, normalised."""
    summary: str
    text: bytes
    """The whole file."""


def parse_metadata(text: bytes, wheel: str) -> Metadata:
    """The fields of a METADATA file; NotAWheel where one that plughost needs is missing, doubled or malformed."""
    try:
        raw, unread = parse_email(_header(text))
        return _metadata(raw, unread, text)
    except (ValueError, MessageError, RecursionError) as error:
        raise NotAWheel(wheel, f"its METADATA cannot be read: {str(error)[:300]}") from error


def parse_entry_points(text: str) -> dict[str, dict[str, str]]:
    """Group → name → object reference; ValueError where a line is none of section, entry and comment, or a name comes twice.

    Read line by line, as importlib.metadata does, so that no second reader sees an entry that this one did not.
    """
    groups: dict[str, dict[str, str]] = {}
    group: dict[str, str] | None = None
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith("#"):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = groups.setdefault(line[1:-1].strip(), {})
            continue
        name, equals, reference = (part.strip() for part in line.partition("="))
        if group is None or not (name and equals and reference) or name in group:
            raise ValueError(f"{line[:200]!r} is no entry of a group, or its name comes twice")
        group[name] = reference
    return groups


def check_wheel_version(text: bytes, wheel: str) -> None:
    """Refused unless the WHEEL file says that the wheel is laid out as version 1 of the format says (PEP 427)."""
    said = [line.partition(b":")[2].strip() for line in text.splitlines() if line.lower().startswith(b"wheel-version:")]
    if len(said) != 1 or not said[0].startswith(b"1."):
        raise ArchiveRefused(wheel, "wheel-version", f"its WHEEL file says Wheel-Version {b', '.join(said)[:50]!r}; 1.x can be read")


def check_release(metadata: Metadata, name: WheelName, *, fit: bool) -> None:
    """WheelMisnamed unless METADATA says what the file name says, DirectUrl where it requires an address.

    With `fit` also WheelMisfit unless the tags and Requires-Python take this interpreter.
    """
    if metadata.project != name.project or Version(metadata.version) != Version(name.version):
        raise WheelMisnamed(name.filename, f"its METADATA says {metadata.name[:200]} {metadata.version[:200]}")
    for requirement in metadata.requires:
        if "@" in requirement and Requirement(requirement).url:
            raise DirectUrl(requirement[:1000])
    if fit and not fits(name):
        raise WheelMisfit(name.filename, f"{'-'.join(name.filename[:-4].split('-')[-3:])} is for another Python or platform")
    if fit and not SpecifierSet(metadata.requires_python or "").contains(_PYTHON):
        raise WheelMisfit(name.filename, f"it requires Python {str(metadata.requires_python)[:200]}, this is {_PYTHON}")


def _header(text: bytes) -> bytes:
    """The lines of the fields that are read, without the description.

    `packaging` would parse all of them, and takes minutes for a hundred thousand fields, or for one field in a thousand
    spellings; and a description may be a deeply nested MIME message.
    """
    lines: list[bytes] = []
    is_read = False
    for line in takewhile(_HEADER_LINE.match, text.splitlines(keepends=True)):
        if line.startswith(b"From "):
            raise ValueError("it has a line of a mailbox")
        field = b"" if line.startswith((b" ", b"\t")) else line.partition(b":")[0].lower()
        is_read = field in _READ if field else is_read
        if is_read:
            lines.append(field + line[len(field) :])
    header = b"".join(lines)
    if len(header) > _LONGEST_HEADER or _HUGE_NUMBER.search(header):
        raise ValueError("its fields are too long, or have a number of more than 600 digits")
    return header


def _metadata(raw: RawMetadata, unread: dict[str, list[str]], text: bytes) -> Metadata:
    if bad := _NEEDED & unread.keys():
        raise ValueError(f"{', '.join(sorted(bad))} comes twice or is not UTF-8")
    if not raw.get("metadata_version", "").startswith(_READ_VERSIONS):
        raise ValueError(f"Metadata-Version is {raw.get('metadata_version', '')[:200]!r}, 1.x and 2.x can be read")
    fields = Fields.from_raw(raw, validate=False)
    return Metadata(
        name=fields.name,
        project=canonicalize_name(fields.name),
        version=str(fields.version),
        requires_python=str(fields.requires_python) if fields.requires_python is not None else None,
        requires=tuple(map(str, fields.requires_dist or ())),
        extras=frozenset(fields.provides_extra or ()),
        summary=" ".join(raw.get("summary", "").split()),
        text=text,
    )
