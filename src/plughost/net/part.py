"""A file that is being written. Everything here blocks: `off_loop` is how the loop gets it done."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from plughost.errors import DiskFull, HomeNotWritable

T = TypeVar("T")


async def off_loop(threads: Executor, job: Callable[..., T], *arguments: Any) -> T:
    """The job's result, from a thread; who is cancelled waits for the thread, so that nothing is written behind its back."""
    future = asyncio.get_running_loop().run_in_executor(threads, partial(job, *arguments))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        while not future.done():
            with contextlib.suppress(asyncio.CancelledError):  # however often
                await asyncio.wait({future})
        future.exception()  # nobody asks for it any more
        raise


class Part:
    """Bytes that are hashed while they are written, and get a name only when they are whole and synced."""

    def __init__(self, into: Path) -> None:
        self._into, self._path = into, into / f"{secrets.token_hex(8)}.part"
        self._digest, self.size = hashlib.sha256(), 0
        self._sink: BinaryIO | None = None

    @property
    def sha256(self) -> str:
        """The hash of what was written so far."""
        return self._digest.hexdigest()

    def open(self) -> None:
        """Make the file; raises DiskFull or HomeNotWritable, as all of these."""
        with _telling(self._into):
            self._sink = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Hash it and write it."""
        self._digest.update(chunk)
        with _telling(self._into):
            self._file().write(chunk)
        self.size += len(chunk)

    def finish(self) -> Path:
        """The file, whole and on the disk, under the name of its hash."""
        name = self._into / self.sha256
        with _telling(self._into):
            self._file().flush()
            os.fsync(self._file().fileno())
            self._file().close()
            self._path.rename(name)
        return name

    def discard(self) -> None:
        """Remove what is not finished."""
        with contextlib.suppress(OSError):  # what cannot be flushed is thrown away anyway
            if self._sink is not None:
                self._sink.close()
        with contextlib.suppress(OSError):  # a disk that has become read-only keeps it; the next start clears the folder
            self._path.unlink(missing_ok=True)

    def _file(self) -> BinaryIO:
        if self._sink is None:
            raise ValueError("the part is not open")
        return self._sink


@contextlib.contextmanager
def _telling(where: Path) -> Iterator[None]:
    """The disk's errors as ours."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(str(where)) from None
        raise HomeNotWritable(str(where), error.strerror or str(error)) from None
