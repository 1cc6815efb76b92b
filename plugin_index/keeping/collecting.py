"""Bytes that nobody needs any more are deleted: of files removed a while ago, and of uploads that never came to have a row.

An upload gets its blob and its row inside of one `storage.write`; so does what is deleted here: it is decided and done inside
of one, and never takes what an upload is about to name.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from plughost.errors import PlughostError
from plugin_index.nouns import File
from plugin_index.shelf import now
from plugin_index.storage import Blobs, Rows, Storage

logger = logging.getLogger(__name__)
GRACE = 7 * 86400.0
"""Seconds for which the bytes of a removed file are kept."""
ORPHANED = 86400.0
"""Seconds for which bytes without a row are kept."""
EVERY = 3600.0
"""Seconds between two rounds."""
_AT_ONCE = 200
"""Blobs that are looked at in one transaction, so that none takes long."""
_PAUSE = 0.05
"""Seconds between two of these: there is no hurry, and others want to read."""
Blob = tuple[str, int, float]


def is_needed(files: Sequence[File], written: float, *, at: float, grace: float) -> bool:
    """Whether bytes that were written then are needed at that moment; `files`: all that have them."""
    if not files:
        return at - written < ORPHANED
    return any(file.removed is None or at - file.removed < grace for file in files)


@contextlib.asynccontextmanager
async def collecting(storage: Storage, *, grace: float, clock: Callable[[], float] = now) -> AsyncIterator[None]:
    """Collect now and then, as long as this lasts."""
    task = asyncio.create_task(_rounds(storage, grace, clock))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def collect(storage: Storage, *, at: float, grace: float) -> tuple[int, int]:
    """Delete what nobody needs; answers how many blobs that were, and their bytes.

    Raises DiskFull, HomeNotWritable or DatabaseDamaged.
    """
    count = freed = 0
    blobs = storage.blobs.every()
    while some := await asyncio.to_thread(lambda: list(itertools.islice(blobs, _AT_ONCE))):
        if await storage.read(lambda rows, some=some: _unneeded(rows, some, at, grace)):  # type: ignore[misc]  # bound at once
            found = await storage.write(lambda rows, some=some: _delete(rows, storage.blobs, some, at, grace))  # type: ignore[misc]  # likewise
            count, freed = count + len(found), freed + sum(size for _, size, _ in found)
        await asyncio.sleep(_PAUSE)
    return count, freed


def _delete(rows: Rows, blobs: Blobs, some: Sequence[Blob], at: float, grace: float) -> Sequence[Blob]:
    found = _unneeded(rows, some, at, grace)
    for sha256, _, _ in found:
        blobs.delete(sha256)
    return found


def _unneeded(rows: Rows, blobs: Iterable[Blob], at: float, grace: float) -> Sequence[Blob]:
    return [
        (sha256, size, written)
        for sha256, size, written in blobs
        if not is_needed(rows.of_sha256(sha256), written, at=at, grace=grace) and not rows.is_offered(sha256)
    ]


async def _rounds(storage: Storage, grace: float, clock: Callable[[], float]) -> None:
    while True:
        try:
            count, size = await collect(storage, at=clock(), grace=grace)
        except (PlughostError, OSError) as error:
            logger.warning("nothing is collected: %s", error)
        else:
            if count:
                logger.info("collected", extra={"blobs": count, "bytes": size})
        await asyncio.sleep(EVERY)
