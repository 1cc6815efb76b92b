"""What the store asks of a disk: to be flushed at once, locks that die with their process, and errors that say what to do."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from plughost.errors import DiskFull, HomeNotWritable

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_CLOSED = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@contextlib.contextmanager
def explained(home: Path) -> Iterator[None]:
    """An OSError of a full or closed disk as DiskFull or HomeNotWritable; others pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull(str(home)) from error
        if error.errno in _CLOSED:
            raise HomeNotWritable(str(home), error.strerror or str(error)) from error
        raise


def flush(directory: Path) -> None:
    """Return when everything below the directory has reached the disk."""
    if _syncfs is None:
        _flush_each(directory)
        return
    with opened(directory) as handle:
        if _syncfs(handle) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(directory))


def flush_names(directory: Path) -> None:
    """Return when the directory's own list of names has reached the disk."""
    with opened(directory) as handle:
        os.fsync(handle)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[int]:
    """A file descriptor of a file or directory, to flush or lock it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def gate(path: Path) -> Iterator[None]:
    """One process and thread at a time, for moments only; the kernel frees it with its process."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def lock_now(handle: int) -> bool:
    """Whether the file is ours now; False where a live process holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at(handle: int, path: Path) -> bool:
    """Whether the open file is the one that stands at the path: who locks a removed file locks nothing."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _flush_each(directory: Path) -> None:
    for folder, _, files in os.walk(directory):
        for name in files:
            with opened(Path(folder, name)) as handle:
                os.fsync(handle)
        flush_names(Path(folder))


def _find_syncfs() -> Callable[[int], int] | None:
    # One call for a whole wheel: with an fsync for each of its files, flushing takes several times as long as unpacking.
    call = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if call is None:
        return None
    call.argtypes, call.restype = [ctypes.c_int], ctypes.c_int
    return call  # type: ignore[no-any-return] # ctypes knows no signatures


_syncfs = _find_syncfs()
