"""A verified wheel becomes a directory: whatever the guard yields is written, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from plughost.wheel.guard import Entry, Guard, WheelFacts


def unpack(archive: Path, filename: str, into: Path, *, forbidden: frozenset[str] = frozenset()) -> WheelFacts:
    """Write the wheel's files into an empty directory; raises what the guard raises, and OSError.

    `forbidden` are top-level names that no wheel may bring. What was written before an error is the caller's to remove.
    """
    with archive.open("rb") as file:
        guard = Guard(file, filename, forbidden=forbidden)
        made = {into}
        for entry in guard.entries():
            path = into / entry.path
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            _write(path, entry)
    return guard.facts


def _write(path: Path, entry: Entry) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o755 if entry.executable else 0o644)
    with open(handle, "wb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
        for chunk in entry.chunks:
            _write_all(file.fileno(), chunk)


def _write_all(handle: int, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(handle, rest) :]
