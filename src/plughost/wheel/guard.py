"""Is this archive a wheel and nothing else? Yields its files, each verified."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from plughost.wheel.metadata import Metadata
from plughost.wheel.name import WheelName, parse_filename


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large an archive may be; counted while it is inflated."""

    entries: int = 100_000
    total: int = 4 << 30
    """Bytes of all files together."""
    each: int = 2 << 30
    """Bytes of one file."""
    ratio: int = 200
    """Inflated bytes for each byte in the archive, of a file or the whole that is larger than `ratio_floor`."""
    ratio_floor: int = 32 << 20


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
    """Whether it has extension modules."""
    left_out: tuple[str, ...]
    """Files of the archive that are not part of the site (trust: nothing of ours would execute them)."""
    entries: int
    """Files of the site."""
    bytes: int
    """Their size."""


class Guard:
    """One pass over one archive: `entries()` yields what may be written, `facts` tells what it was.

    Errors: ArchiveRefused (with a `rule`), NotAWheel, WheelMisnamed, WheelMisfit, DirectUrl, and nothing else but OSError of the file.
    """

    def __init__(
        self,
        file: BinaryIO,
        filename: str,
        *,
        limits: Limits = Limits(),
        forbidden: frozenset[str] = frozenset(),
        check_fit: bool = True,
    ) -> None:
        self._name = parse_filename(filename)
        self._file, self._limits, self._forbidden, self._check_fit = file, limits, forbidden, check_fit
        self._facts: WheelFacts | None = None

    def entries(self) -> Iterator[Entry]:
        """Each file of the wheel, verified while it is read; one that the caller leaves half read is read to its end."""
        raise NotImplementedError

    @property
    def facts(self) -> WheelFacts:
        """What is known of the wheel; RuntimeError before `entries()` is exhausted."""
        if self._facts is None:
            raise RuntimeError("the archive has not been read to its end")
        return self._facts


def inspect(
    path: Path,
    filename: str,
    *,
    limits: Limits = Limits(),
    forbidden: frozenset[str] = frozenset(),
    check_fit: bool = True,
) -> WheelFacts:
    """What is known of a wheel file; its bytes are verified and thrown away."""
    with path.open("rb") as file:
        guard = Guard(file, filename, limits=limits, forbidden=forbidden, check_fit=check_fit)
        for _ in guard.entries():
            pass
    return guard.facts
