"""Is this archive a wheel and nothing else? One pass over it yields its files, each verified.

No installer is a gate: they accept hashes that are wrong, files that RECORD does not list, bombs, and let the second of two
entries with one name win. So the guard believes nothing twice: the container has to be unambiguous (archive.py, contents.py),
each name a file below the site's directory (paths.py), sizes within limits (limits.py), the contents what RECORD says
(record.py), the release the one that the file name says (metadata.py), and the files must not take the place of what the
host or the standard library has (layout.py). Each refusal is an ArchiveRefused with a `rule` of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from plughost.errors import ArchiveRefused, NotAWheel
from plughost.wheel.archive import Member, read_members
from plughost.wheel.contents import contents
from plughost.wheel.layout import Placed, check_entry_points, check_shadows, find_info, is_native, modules, place, tops
from plughost.wheel.limits import Limits, check_members
from plughost.wheel.metadata import Metadata, check_release, check_wheel_version, parse_entry_points, parse_metadata
from plughost.wheel.name import WheelName, parse_filename
from plughost.wheel.record import Record, check_names, parse_record, verified

__all__ = ["Entry", "Guard", "Limits", "WheelFacts", "inspect"]

_LARGEST_HELD = 4 << 20
"""Bytes of METADATA, WHEEL and entry_points.txt, which are held in memory."""
_ROOM_PER_ROW = 2 << 10
"""Bytes of RECORD, which is held likewise, for each file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One verified file of the wheel."""

    path: str
    """POSIX, relative to the site's directory."""
    chunks: Iterator[bytes]
    """At least one; a file up to a MiB is one chunk, and no file's last chunk comes before the whole file is verified."""
    executable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFacts:
    """What is known of a wheel that passed."""

    name: WheelName
    metadata: Metadata
    entry_points: Mapping[str, Mapping[str, str]]
    """Group → name → object reference."""
    tops: tuple[str, ...]
    """Its top-level import names."""
    native: bool
    """Whether it has extension modules or other shared libraries."""
    left_out: tuple[str, ...]
    """Files of the archive that are not part of the site, by their name in the archive (layout.py says which and why)."""
    entries: int
    """Files of the site."""
    bytes: int
    """Their size."""


class Guard:
    """One pass over one archive: `entries()` yields what may be written, `facts` tells what it was.

    Errors: ArchiveRefused (with a `rule`), NotAWheel, WheelMisnamed, WheelMisfit, DirectUrl, and else only OSError of the file.
    `forbidden`: top-level names that no wheel may bring, beside the standard library's. `check_fit`: whether it has to be for
    this interpreter.
    """

    def __init__(
        self,
        file: BinaryIO,
        filename: str,
        *,
        limits: Limits | None = None,
        forbidden: frozenset[str] = frozenset(),
        check_fit: bool = True,
    ) -> None:
        self._name = parse_filename(filename)
        self._wheel = filename
        self._file, self._limits, self._forbidden, self._check_fit = file, limits or Limits(), forbidden, check_fit
        self._held: dict[str, bytes] = {}
        self._last_verified = ""
        self._facts: WheelFacts | None = None

    def entries(self) -> Iterator[Entry]:
        """Each file of the wheel, verified while it is read; one that the caller leaves half read is read to its end.

        All that can be refused without reading every file is refused before the first one is yielded.
        """
        wheel, limits = self._wheel, self._limits

        # The container: what members there are, and whether their names, kinds and sizes can be taken.
        members = read_members(self._file, wheel, most=limits.entries)
        check_members(members, limits, wheel)
        files = {member.name: member for member in members if not member.is_directory}
        info = find_info((member.name for member in members), self._name)

        # RECORD: which files there have to be, and their hashes.
        record = parse_record(self._text(files, f"{info}/RECORD"), wheel)
        check_names(record, files.keys(), info, wheel)

        # What the wheel says of itself, and whether it is the release that its name says.
        metadata, entry_points = self._description(files, info, record)
        check_release(metadata, self._name, fit=self._check_fit)

        # Where its files go, and what they make importable.
        placed = place(members, info, self._name, most=limits.entries)
        check_shadows(modules(placed), self._forbidden, wheel)
        check_entry_points(entry_points, modules(one for one in placed if not one.is_data), self._forbidden, wheel)

        # The files themselves.
        for one in placed:
            yield from self._poured(one, record)
        self._facts = self._found(placed, metadata, entry_points)

    @property
    def facts(self) -> WheelFacts:
        """What is known of the wheel; RuntimeError before `entries()` is exhausted."""
        if self._facts is None:
            raise RuntimeError(f"{self._wheel} has not been read to its end")
        return self._facts

    def _description(self, files: Mapping[str, Member], info: str, record: Record) -> tuple[Metadata, dict[str, dict[str, str]]]:
        check_wheel_version(self._text(files, f"{info}/WHEEL", record), self._wheel)
        metadata = parse_metadata(self._text(files, f"{info}/METADATA", record), self._wheel)
        if f"{info}/entry_points.txt" not in files:
            return metadata, {}
        try:
            return metadata, parse_entry_points(self._text(files, f"{info}/entry_points.txt", record).decode())
        except ValueError as error:
            raise ArchiveRefused(self._wheel, "entry-point", f"its entry_points.txt cannot be read: {error}") from error

    def _text(self, files: Mapping[str, Member], name: str, record: Record | None = None) -> bytes:
        """A small file of .dist-info, verified once it is known what RECORD says, and kept for its turn."""
        member = files.get(name)
        if member is None:
            raise NotAWheel(self._wheel, f"it has no {name}")
        most = _LARGEST_HELD if record is not None else _ROOM_PER_ROW * (len(files) + 1)
        if member.size > most:
            raise ArchiveRefused(self._wheel, "file-too-large", f"{name!r} claims {member.size} bytes, {most} are allowed")
        pieces = contents(self._file, member, self._wheel)
        self._held[name] = b"".join(pieces if record is None else verified(pieces, name, record[name], self._wheel))
        return self._held[name]

    def _poured(self, placed: Placed, record: Record) -> Iterator[Entry]:
        member, path, _ = placed
        chunks = self._chunks(member, record)
        if path is not None:
            yield Entry(path=path, chunks=chunks, executable=bool(member.mode & 0o111))
        for _ in chunks:
            pass
        if self._last_verified != member.name:
            raise RuntimeError(f"{member.name} of {self._wheel} was refused, and the next file asked for nevertheless")

    def _chunks(self, member: Member, record: Record) -> Iterator[bytes]:
        if member.name in self._held:
            yield self._held.pop(member.name)
        elif (row := record.get(member.name)) and row.hash:
            yield from verified(contents(self._file, member, self._wheel), member.name, row, self._wheel)
        else:
            yield from contents(self._file, member, self._wheel)
        self._last_verified = member.name

    def _found(self, placed: list[Placed], metadata: Metadata, entry_points: Mapping[str, Mapping[str, str]]) -> WheelFacts:
        stay = [one.member for one in placed if one.path is not None]
        return WheelFacts(
            name=self._name,
            metadata=metadata,
            entry_points=entry_points,
            tops=tops(placed),
            native=is_native(placed),
            left_out=tuple(one.member.name for one in placed if one.path is None),
            entries=len(stay),
            bytes=sum(member.size for member in stay),
        )


def inspect(
    path: Path,
    filename: str,
    *,
    limits: Limits | None = None,
    forbidden: frozenset[str] = frozenset(),
    check_fit: bool = True,
) -> WheelFacts:
    """What is known of a wheel file; its bytes are verified and thrown away."""
    with path.open("rb") as file:
        guard = Guard(file, filename, limits=limits, forbidden=forbidden, check_fit=check_fit)
        for _ in guard.entries():
            pass
    return guard.facts
