"""A directory that is there whole or not at all: it is written beside its place, and renamed at the end.

What an interrupted attempt left behind is no obstacle to the next one, which clears it away.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from plugin_index.errors import PlaceTaken
from plugin_index.storage.disk import sync_folder, written


@contextlib.contextmanager
def placed(place: Path) -> Iterator[Path]:
    """An empty directory to write to, which is at the place once all went well; else nothing is.

    Raises PlaceTaken, HomeNotWritable or DiskFull.
    """
    place = place.resolve()
    partial = place.with_name(f"{place.name}.partial")
    _refuse_taken(place)
    with written(partial), _held(partial):
        try:
            yield partial
            _refuse_taken(place)
            for folder, _, _ in os.walk(partial, topdown=False):
                sync_folder(Path(folder))
            partial.replace(place)
            sync_folder(place.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def _refuse_taken(place: Path) -> None:
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise PlaceTaken(str(place), "is there already, with something in it")


@contextlib.contextmanager
def _held(partial: Path) -> Iterator[None]:
    """The directory, empty, for this process alone."""
    partial.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if not _locked(descriptor, partial):
            raise PlaceTaken(str(partial), "is being written by somebody else")
        for entry in partial.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        yield
    finally:
        os.close(descriptor)


def _locked(descriptor: int, partial: Path) -> bool:
    """Whether nobody else writes there; who finished meanwhile has renamed the directory, lock and all."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), partial.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
