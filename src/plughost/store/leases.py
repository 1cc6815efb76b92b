"""What must stay on disk, and for whom: one file for each process, locked by it and naming the digests it needs.

A lock dies with its process, so a file that nobody locks is a dead process's, and so is all that stands in staging under
its boot id. The *gate*, a lock held for moments, orders the three things that must not overlap: a digest is written down
and looked for; everybody's digests are read and what none of them names is moved away; a dead process is swept out.
A digest that is given back leaves the file at the next pruning only: until then it costs nothing to take it again.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

from plughost.errors import HostFault
from plughost.store.disk import gate, is_at, lock_now
from plughost.store.layout import Layout
from plughost.store.threads import Threads

_ROW = 65
"""A digest in hexadecimal digits and a line's end: a torn write is no row."""


class Leases:
    """The digests that this process needs, and those of the other live ones."""

    def __init__(self, layout: Layout, threads: Threads) -> None:
        self._layout, self._threads = layout, threads
        self._path = layout.leases / layout.boot
        self._mutex = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._written: set[str] = set()
        self._seen: set[str] = set()
        """Written, and found on disk after that: nobody can have pruned these since."""
        self._handle: int | None = None

    def open(self) -> None:
        """Become a live process; sweep out the dead ones."""
        with gate(self._layout.gate):
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            if not lock_now(self._handle):
                raise HostFault(f"the boot id {self._layout.boot} is in use by another process")
            abandoned = self._sweep()
        _remove(abandoned)

    def close(self) -> None:
        """Be a live process no more."""
        if self._handle is None:
            return
        with contextlib.suppress(OSError):  # a file that cannot be removed is a dead process's from the next line on
            self._path.unlink()
        os.close(self._handle)
        self._handle = None

    def alive(self, boot: str) -> bool:
        """Whether the process of that boot id lives on this home."""
        return boot == self._layout.boot or _lives(self._layout.leases / boot)

    @contextlib.asynccontextmanager
    async def hold(self, digests: Iterable[str], present: Callable[[str], bool]) -> AsyncIterator[frozenset[str]]:
        """Keep these on disk while entered; gives those that are not there now, and may have been pruned a moment ago."""
        held = frozenset(digests)
        self.lease(held)
        try:
            yield await self.write_down(held, present)
        finally:
            self.release(held)

    def lease(self, digests: Iterable[str]) -> None:
        """Count the digests as needed; `write_down` tells other processes."""
        with self._mutex:
            self._counts.update(digests)

    def release(self, digests: Iterable[str]) -> None:
        """Undo one `lease`."""
        with self._mutex:
            self._counts.subtract(digests)
            self._counts = +self._counts

    async def write_down(self, digests: frozenset[str], present: Callable[[str], bool]) -> frozenset[str]:
        """Put leased digests into this process's file; those that are not on disk."""
        with self._mutex:
            new = digests - self._seen
        return await self._threads.run(self._write, new, present) if new else frozenset()

    @contextlib.contextmanager
    def pruning(self) -> Iterator[frozenset[str]]:
        """What any live process needs; nobody leases or prunes anything while entered."""
        with gate(self._layout.gate):
            abandoned = self._sweep()
            yield self._rewrite() | self._others()
        _remove(abandoned)

    def _write(self, new: frozenset[str], present: Callable[[str], bool]) -> frozenset[str]:
        with gate(self._layout.gate):
            self._append(new)
            there = {digest for digest in new if present(digest)}
            with self._mutex:
                self._seen |= there
            return new - there

    def _append(self, digests: frozenset[str]) -> None:
        handle, more = self._opened(), digests - self._written
        end = os.fstat(handle).st_size
        _write_all(handle, _rows(more), end - end % _ROW)
        self._written |= more

    def _rewrite(self) -> frozenset[str]:
        """Write down what is needed still, and no more; what is needed but not written yet waits for its turn at the gate."""
        with self._mutex:
            needed = frozenset(self._counts)
            self._seen &= needed
        self._written &= needed
        rows, handle = _rows(self._written), self._opened()
        _write_all(handle, rows, 0)
        os.ftruncate(handle, len(rows))
        return needed

    def _others(self) -> frozenset[str]:
        rows = [path.read_text("ascii") for path in self._layout.leases.iterdir() if path != self._path]
        return frozenset(row for text in rows for row in text.split("\n") if len(row) == _ROW - 1)

    def _sweep(self) -> list[Path]:
        """Remove the leases of dead processes; what these had in staging."""
        live = {path.name for path in self._layout.leases.iterdir() if path == self._path or _lives(path, bury=True)}
        return [path for path in self._layout.staging.iterdir() if path.name.rpartition("-")[0] not in live]

    def _opened(self) -> int:
        if self._handle is None:
            raise HostFault("the store is not open")
        return self._handle


def _lives(path: Path, *, bury: bool = False) -> bool:
    """Whether a live process has the lease file locked; `bury` removes a dead one's."""
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        if not lock_now(handle):
            return True
        if bury and is_at(handle, path):
            path.unlink()
        return False
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes, offset: int) -> None:
    if os.pwrite(handle, data, offset) != len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True)


def _rows(digests: Iterable[str]) -> bytes:
    return "".join(f"{digest}\n" for digest in sorted(digests)).encode("ascii")
