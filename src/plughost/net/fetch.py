"""One file, from its URL to verified bytes on disk: hashed while it streams, compared, synced, and only then named.

Nothing half stays: a download that fails leaves no file.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import os
import random
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from plughost.errors import DigestMismatch, DiskFull, FetchFailed, HomeNotWritable, ReleaseGone, WheelTooLarge
from plughost.net.client import Client, Unavailable
from plughost.net.rules import Rules

Progress = Callable[[int, int | None], None]
TRIES = 3
BATCH = 256 * 1024
"""Bytes that are hashed and written at once, off the loop."""
_FIRST_PAUSE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file whose bytes are what was promised; where nothing was promised, `sha256` says what they are."""

    path: Path
    sha256: str
    size: int


async def fetch(
    client: Client,
    url: str,
    *,
    filename: str,
    sha256: str | None,
    into: Path,
    cap: int,
    deadline: float,
    progress: Progress = lambda _done, _total: None,
    plugin: str | None = None,
    rules: Rules | None = None,
    allow_file: bool = False,
) -> Fetched:
    """The file in the directory `into`, named by its sha256; within `deadline` seconds, retries included.

    Raises FetchFailed, DigestMismatch, WheelTooLarge, ReleaseGone, OriginNotAllowed, AddressNotAllowed, DiskFull or HomeNotWritable.
    """
    try:
        async with asyncio.timeout(deadline):
            for attempt in range(1, TRIES + 1):
                try:
                    chunks = _file(url, client) if allow_file and url.startswith("file:") else _http(client, url, plugin, rules)
                    return await _kept(client, chunks, filename=filename, sha256=sha256, into=into, cap=cap, progress=progress)
                except Unavailable:
                    if attempt == TRIES:
                        raise
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE * 2**attempt))  # noqa: S311 - spreads retries
    except TimeoutError:
        raise Unavailable(url, f"it did not arrive within {deadline:g} s") from None
    raise AssertionError("the loop returns or raises")


Chunks = AsyncIterator[tuple[bytes, int | None]]
"""Bytes, and how many there will be in total where that is known."""


async def _http(client: Client, url: str, plugin: str | None, rules: Rules | None) -> Chunks:
    async with client.stream(url, plugin=plugin, rules=rules) as response:
        if response.status_code == 410:  # noqa: PLR2004 - Gone
            raise ReleaseGone(url)
        if response.status_code >= 500:  # noqa: PLR2004 - a server's fault
            raise Unavailable(url, f"HTTP {response.status_code}")
        if response.status_code != 200:  # noqa: PLR2004 - OK
            raise FetchFailed(url, f"HTTP {response.status_code}")
        total = response.headers.get("content-length", "")
        async for chunk in response.aiter_raw(BATCH):
            yield chunk, int(total) if total.isdecimal() else None


async def _file(url: str, client: Client) -> Chunks:
    loop, path = asyncio.get_running_loop(), Path(unquote(urlsplit(url).path))
    try:
        source = await loop.run_in_executor(client.disk, path.open, "rb")
        try:
            total = os.fstat(source.fileno()).st_size
            while chunk := await loop.run_in_executor(client.disk, source.read, BATCH):
                yield chunk, total
        finally:
            source.close()
    except OSError as error:
        raise FetchFailed(url, error.strerror or str(error)) from None


async def _kept(client: Client, chunks: Chunks, *, filename: str, sha256: str | None, into: Path, cap: int, progress: Progress) -> Fetched:
    loop = asyncio.get_running_loop()
    part = _Part(into)
    try:
        await loop.run_in_executor(client.disk, part.open)
        async for chunk, total in chunks:
            if (total or 0) > cap or part.size + len(chunk) > cap:
                raise WheelTooLarge(filename, cap=cap)
            await loop.run_in_executor(client.disk, part.write, chunk)
            progress(part.size, total)
        got = part.digest.hexdigest()
        if sha256 is not None and got != sha256:
            raise DigestMismatch(filename, promised=sha256, got=got)
        return await loop.run_in_executor(client.disk, part.finish)
    finally:
        part.discard()


class _Part:
    """A file that is being written; it gets its name when it is whole."""

    def __init__(self, into: Path) -> None:
        self._into, self._path = into, into / f"{secrets.token_hex(8)}.part"
        self.digest, self.size = hashlib.sha256(), 0
        self._sink: BinaryIO | None = None

    def open(self) -> None:
        with _telling(self._into):
            self._sink = self._path.open("xb")

    def write(self, chunk: bytes) -> None:
        self.digest.update(chunk)
        self.size += len(chunk)
        with _telling(self._into):
            if self._sink is not None:
                self._sink.write(chunk)

    def finish(self) -> Fetched:
        name = self._into / self.digest.hexdigest()
        with _telling(self._into):
            if self._sink is not None:
                self._sink.flush()
                os.fsync(self._sink.fileno())
                self._sink.close()
            self._path.rename(name)
        return Fetched(path=name, sha256=self.digest.hexdigest(), size=self.size)

    def discard(self) -> None:
        if self._sink is not None:
            with contextlib.suppress(OSError):  # what cannot be flushed is thrown away
                self._sink.close()
        self._path.unlink(missing_ok=True)


class _telling:  # noqa: N801 - a context manager that reads like a verb
    """The disk's errors as ours."""

    def __init__(self, where: Path) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            if error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(str(self._where)) from None
            raise HomeNotWritable(str(self._where), error.strerror or str(error)) from None
