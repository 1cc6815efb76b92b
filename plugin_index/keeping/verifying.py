"""Is everything there, and as it was uploaded? Each row against its bytes, each blob against the rows.

No transaction outlasts the reading of rows, so that a program that serves the home meanwhile is not held up; whatever looks
wrong is looked up again, because the home goes on changing.
"""

from __future__ import annotations

import hashlib
import itertools
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from packaging.version import Version

from plughost.errors import PlughostError
from plughost.wheel import parse_metadata
from plugin_index.errors import BlobMissing
from plugin_index.keeping.looking import Look
from plugin_index.nouns import File
from plugin_index.shelf import now
from plugin_index.storage import Rows

Kind = Literal["database", "missing", "changed", "orphaned"]
Progress = Callable[[int, int], None]
"""Is told of the bytes that are done, and of all."""
CHUNK = 1024 * 1024
YOUNG = 86400.0
"""Seconds for which a blob without a row may belong to an upload that has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    kind: Kind
    subject: str
    """A file's name; a blob's, where it has no row; the database's."""
    sha256: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was read, and what was found."""

    files: int
    blobs: int
    bytes: int
    findings: Sequence[Finding]

    @property
    def sound(self) -> bool:
        """Whether nothing is lost; orphans are only in the way."""
        return all(finding.kind == "orphaned" for finding in self.findings)

    def as_json(self) -> dict[str, object]:
        """All of it as JSON values."""
        return {"sound": self.sound, **asdict(self)}


def verify(home: Path, progress: Progress = lambda _done, _all: None) -> Report:
    """Read everything in the home; raises HomeMissing, HomeOutdated, LedgerTooNew or HomeNotWritable."""
    with Look.at(home) as look:
        faults = [Finding(kind="database", subject="index.sqlite", sha256="", detail=fault) for fault in look.faults()]
        try:
            files = look.read(lambda rows: tuple(rows.files()))
        except PlughostError as error:
            if not faults:
                raise
            faults.append(Finding(kind="database", subject="index.sqlite", sha256="", detail=error.detail))
            return Report(files=0, blobs=0, bytes=0, findings=faults)
        shelf = _by_sha256(files)
        found = [*faults, *_wrong(look, shelf, progress), *_without_row(look, shelf)]
        return Report(files=len(files), blobs=len(shelf), bytes=sum(each[0].size for each in shelf.values()), findings=found)


def _by_sha256(files: Sequence[File]) -> Mapping[str, Sequence[File]]:
    ordered = sorted(files, key=lambda file: file.sha256)
    return {sha256: tuple(same) for sha256, same in itertools.groupby(ordered, lambda file: file.sha256)}


def _wrong(look: Look, shelf: Mapping[str, Sequence[File]], progress: Progress) -> Iterator[Finding]:
    done, every = 0, sum(files[0].size for files in shelf.values())
    for sha256, files in shelf.items():
        findings = [*_of_blob(look, sha256, files)]
        if findings:
            left = look.read(lambda rows, sha256=sha256: _present(rows, sha256))  # type: ignore[misc]  # called at once
            findings = [finding for finding in findings if finding.subject in left]
        yield from findings
        done += files[0].size
        progress(done, every)


def _present(rows: Rows, sha256: str) -> frozenset[str]:
    return frozenset(file.filename for file in rows.of_sha256(sha256) if file.removed is None)


def _of_blob(look: Look, sha256: str, files: Sequence[File]) -> Iterator[Finding]:
    try:
        with look.blobs.open(sha256) as blob:
            fault = _fault(blob, sha256, files[0].size)
            for file in files:
                if detail := fault or _lie(look, file, blob):
                    yield Finding(kind="changed", subject=file.filename, sha256=sha256, detail=detail)
    except BlobMissing:
        for file in files:
            yield Finding(kind="missing", subject=file.filename, sha256=sha256, detail=f"its {file.size} bytes are gone")
    except (PlughostError, OSError) as error:
        for file in files:
            yield Finding(kind="changed", subject=file.filename, sha256=sha256, detail=f"it cannot be read: {error}")


def _fault(blob: BinaryIO, sha256: str, size: int) -> str:
    """What is wrong with the bytes; empty: nothing."""
    digest, read = hashlib.sha256(), 0
    while chunk := blob.read(CHUNK):
        digest.update(chunk)
        read += len(chunk)
    if read != size:
        return f"it has {read} bytes, {size} were uploaded"
    return "" if digest.hexdigest() == sha256 else f"its bytes have the sha256 {digest.hexdigest()}"


def _lie(look: Look, file: File, blob: BinaryIO) -> str:
    """What the row says otherwise than the wheel; empty: nothing."""
    try:
        text = _metadata(blob)
        metadata = parse_metadata(text, file.filename)
    except (PlughostError, zipfile.BadZipFile, KeyError, StopIteration) as error:
        return f"its METADATA cannot be read: {error}"
    if metadata.project != file.project or Version(metadata.version) != file.number:
        return f"the wheel is {metadata.project} {metadata.version}, the row says {file.project} {file.version}"
    served = look.read(lambda rows: rows.metadata(file.filename))
    if served != text or hashlib.sha256(text).hexdigest() != file.metadata_sha256:
        return "its METADATA is served with other bytes than the wheel has"
    return ""


def _metadata(blob: BinaryIO) -> bytes:
    with zipfile.ZipFile(blob) as wheel:
        return wheel.read(next(name for name in wheel.namelist() if name.count("/") == 1 and name.endswith(".dist-info/METADATA")))


def _without_row(look: Look, shelf: Mapping[str, Sequence[File]]) -> Iterator[Finding]:
    """What is wrong with blobs of no file: they are a registry's, which somebody has asked for, or nobody's."""
    for name, size, written in look.blobs.every():
        if name in shelf or look.read(lambda rows, name=name: rows.of_sha256(name)):  # type: ignore[misc]  # called at once
            continue
        if look.read(lambda rows, name=name: rows.is_offered(name)):  # type: ignore[misc]  # likewise
            with suppress(BlobMissing), look.blobs.open(name) as blob:
                if fault := _fault(blob, name, size):
                    yield Finding(kind="changed", subject=name, sha256=name, detail=f"a registry's file: {fault}")
        else:
            young = ", perhaps of an upload under way" if now() - written < YOUNG else ""
            yield Finding(kind="orphaned", subject=name, sha256=name, detail=f"{size} bytes without a file{young}")
