"""The bytes of wheels in a directory, named by their sha256, and the uploads that are under way.

A name is there only when all of its bytes are, synced. Everything here blocks.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from plughost.errors import DiskFull, HomeNotWritable
from plugin_index.errors import BlobMissing

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskBlobs:
    """`Blobs` in two folders of one home."""

    def __init__(self, home: Path) -> None:
        self._home, self._kept, self._staging = home, home / "blobs", home / "staging"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """The folders are there, for this process alone, without the uploads that a dead one had begun.

        Raises HomeNotWritable or DiskFull.
        """
        with written(self._home):
            self._home.mkdir(parents=True, exist_ok=True)
            lock = (self._home / "lock").open("wb")
        with lock:
            if not _locked(lock):
                raise HomeNotWritable(str(self._home), "another plugin-index serves it")
            with written(self._home):
                shutil.rmtree(self._staging, ignore_errors=True)
                for folder in (self._kept, self._staging):
                    folder.mkdir(exist_ok=True)
            yield

    def incoming(self) -> Path:
        """As `Blobs` says."""
        return self._staging / secrets.token_hex(8)

    def sync(self, upload: Path) -> None:
        """As `Blobs` says."""
        with written(upload.parent), upload.open("rb") as file:
            os.fsync(file.fileno())

    def keep(self, upload: Path, sha256: str) -> None:
        """As `Blobs` says."""
        blob = self.path(sha256)
        with written(blob.parent):
            if not blob.parent.is_dir():
                blob.parent.mkdir()
                sync_folder(self._kept)
            upload.replace(blob)
            sync_folder(blob.parent)

    def open(self, sha256: str) -> BinaryIO:
        """As `Blobs` says."""
        try:
            return self.path(sha256).open("rb", buffering=0)
        except FileNotFoundError:
            raise BlobMissing(sha256) from None
        except OSError as error:
            raise HomeNotWritable(str(self.path(sha256)), error.strerror or str(error)) from None

    def delete(self, sha256: str) -> None:
        """As `Blobs` says."""
        with written(self._kept):
            self.path(sha256).unlink(missing_ok=True)

    def every(self) -> Iterator[tuple[str, int, float]]:
        """As `Blobs` says."""
        with written(self._kept):
            for folder in self._kept.iterdir() if self._kept.is_dir() else ():
                if folder.is_dir():
                    yield from _files(folder)

    def path(self, sha256: str) -> Path:
        """Where the bytes are, or would be."""
        return self._kept / sha256[:2] / sha256


@contextlib.contextmanager
def written(place: Path) -> Iterator[None]:
    """What the disk refuses, as DiskFull or HomeNotWritable."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(str(place)) from None
        raise HomeNotWritable(str(place), error.strerror or str(error)) from None


def _files(folder: Path) -> Iterator[tuple[str, int, float]]:
    with os.scandir(folder) as entries:
        for entry in filter(os.DirEntry.is_file, entries):
            with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
                known = entry.stat()
                yield entry.name, known.st_size, known.st_mtime


def _locked(file: BinaryIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    """Bring the names in it to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
