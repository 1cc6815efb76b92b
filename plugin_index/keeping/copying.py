"""Backups, and what is restored from them: a home's database and the bytes that its rows name, nothing else.

The database comes first: what it names is on the disk by then, and bytes that come later have no row in the copy. The admin
token is a secret in plain text, so it is no part of a backup: a restored home makes another at its first start. The other
tokens are hashes in the database, and go on being valid.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from plughost.errors import DatabaseDamaged
from plughost.sqlite import migrate
from plugin_index.errors import BlobMissing
from plugin_index.keeping.looking import Look, ours
from plugin_index.keeping.placing import placed
from plugin_index.keeping.verifying import CHUNK, Progress
from plugin_index.nouns import File
from plugin_index.storage import Rows
from plugin_index.storage.disk import DiskBlobs
from plugin_index.storage.home import DATABASE
from plugin_index.storage.schema import STEPS
from plugin_index.storage.sqlite import SqliteRows

_UNLINKABLE = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP})
"""Why a file cannot have a second name, while it can be copied."""
Bring = Callable[[DiskBlobs, str, Path], None]
"""Brings the bytes of that sha256 to a path; raises BlobMissing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What was copied, and which files' bytes were not there, or not the right ones."""

    place: str
    files: int
    bytes: int
    lost: Sequence[str]

    def as_json(self) -> dict[str, object]:
        """All of it as JSON values."""
        return asdict(self)


def backup(home: Path, place: Path, progress: Progress = lambda _done, _all: None) -> Copied:
    """The home as it is at one moment, while a program serves it or not; where the file system allows, its blobs have two names.

    Raises HomeMissing, HomeNotWritable, DatabaseDamaged, LedgerTooNew, PlaceTaken or DiskFull.
    """
    return _copied(home, place, _linked, progress)


def restore(backup: Path, home: Path, progress: Progress = lambda _done, _all: None) -> Copied:
    """A new home out of a backup; each blob is checked while it is copied. Raises what `backup` does."""
    return _copied(backup, home, _checked, progress)


def _copied(source: Path, place: Path, bring: Bring, progress: Progress) -> Copied:
    with Look.at(source) as look, placed(place) as target:
        if faults := look.faults():
            raise DatabaseDamaged(str(source / DATABASE), faults[0])
        with _database(look, target / DATABASE) as rows:
            files = [file for file in rows.files() if file.removed is None]
            wanted = dict(_wanted(look.blobs, rows, files))
        lost = set(_bring(look.blobs, DiskBlobs(target), wanted, bring, progress))
    missed = tuple(sorted(file.filename for file in files if file.sha256 in lost))
    return Copied(place=str(place), files=len(files), bytes=sum(wanted.values()), lost=missed)


@contextlib.contextmanager
def _database(look: Look, path: Path) -> Iterator[SqliteRows]:
    """The rows of the copy, which has no log beside it, and the newest tables."""
    with ours(path), contextlib.closing(sqlite3.connect(path, isolation_level=None)) as copy:
        look.connection.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        copy.execute("BEGIN IMMEDIATE")
        migrate(copy, STEPS, path=path)
        copy.execute("COMMIT")
        yield SqliteRows(copy)


def _wanted(blobs: DiskBlobs, rows: Rows, files: Sequence[File]) -> Iterator[tuple[str, int]]:
    """The blobs that the rows name, with their sizes; of files that are removed and of what registries offer, those that are there."""
    for sha256, size, _ in blobs.every():
        if rows.of_sha256(sha256) or rows.is_offered(sha256):
            yield sha256, size
    for file in files:
        yield file.sha256, file.size


def _bring(source: DiskBlobs, target: DiskBlobs, wanted: Mapping[str, int], bring: Bring, progress: Progress) -> Iterator[str]:
    """Bring them all; answers the names of those that could not be brought."""
    done, every = 0, sum(wanted.values())
    for sha256, size in wanted.items():
        if not _brought(source, target, sha256, bring):
            yield sha256
        done += size
        progress(done, every)


def _brought(source: DiskBlobs, target: DiskBlobs, sha256: str, bring: Bring) -> bool:
    path = target.path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        bring(source, sha256, path)
    except BlobMissing:
        path.unlink(missing_ok=True)
        return False
    return True


def _linked(source: DiskBlobs, sha256: str, path: Path) -> None:
    try:
        path.hardlink_to(source.path(sha256))
    except FileNotFoundError:
        raise BlobMissing(sha256) from None
    except OSError as error:
        if error.errno not in _UNLINKABLE:
            raise
        with source.open(sha256) as blob, path.open("xb") as copy:
            shutil.copyfileobj(blob, copy, CHUNK)
            _sync(copy.fileno(), copy.flush)


def _checked(source: DiskBlobs, sha256: str, path: Path) -> None:
    digest = hashlib.sha256()
    with source.open(sha256) as blob, path.open("xb") as copy:
        while chunk := blob.read(CHUNK):
            digest.update(chunk)
            copy.write(chunk)
        _sync(copy.fileno(), copy.flush)
    if digest.hexdigest() != sha256:
        raise BlobMissing(sha256)


def _sync(descriptor: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(descriptor)
