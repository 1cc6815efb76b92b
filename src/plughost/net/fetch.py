"""One file, from its URL to verified bytes on disk: hashed while it streams, compared, synced, and only then named.

Nothing half stays: a download that fails leaves no file.
"""

from __future__ import annotations

import asyncio
import os
import random
import stat
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from plughost.errors import DigestMismatch, FetchFailed, ReleaseGone, WheelTooLarge
from plughost.net.client import Client, Unavailable
from plughost.net.part import Part, off_loop
from plughost.net.rules import Rules, shown

Progress = Callable[[int, int | None], None]
Chunks = AsyncGenerator[tuple[bytes, int | None], None]
"""Bytes, and how many there will be in total where that is known."""
TRIES = 3
BATCH = 256 * 1024
"""Bytes that are hashed and written at once, off the loop."""
_PAUSE = 0.25
"""Seconds; before the second try at most twice as many, before the third four times."""
_OK, _GONE, _BROKEN = 200, 410, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file whose bytes are what was promised; where nothing was promised, `sha256` says what they are."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    filename: str
    sha256: str | None
    into: Path
    cap: int
    progress: Progress


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
    wanted = _Wanted(filename=filename, sha256=sha256, into=into, cap=cap, progress=progress)

    def attempt() -> Awaitable[Fetched]:
        local = allow_file and url.startswith("file:")
        return _kept(client, _file(url, client) if local else _http(client, url, plugin, rules), wanted)

    try:
        async with asyncio.timeout(deadline):
            return await _tried(attempt)
    except TimeoutError:
        raise Unavailable(shown(url), f"it did not arrive within {deadline:g} s") from None


async def _tried(attempt: Callable[[], Awaitable[Fetched]]) -> Fetched:
    """What the attempt answers; made again, TRIES times in all, where it may work in a moment."""
    for number in range(1, TRIES):
        try:
            return await attempt()
        except Unavailable:
            # Full jitter: a hundred hosts that lost one index do not come back as one.
            await asyncio.sleep(random.uniform(0, _PAUSE * 2**number))  # noqa: S311 - no secret
    return await attempt()


async def _kept(client: Client, chunks: Chunks, wanted: _Wanted) -> Fetched:
    part = Part(wanted.into)
    try:
        await off_loop(client.disk, part.open)
        async with aclosing(chunks):
            async for chunk, total in chunks:
                if (total or 0) > wanted.cap or part.size + len(chunk) > wanted.cap:
                    raise WheelTooLarge(wanted.filename, cap=wanted.cap)
                await off_loop(client.disk, part.write, chunk)
                wanted.progress(part.size, total)
        if wanted.sha256 not in {None, part.sha256}:
            raise DigestMismatch(wanted.filename, promised=str(wanted.sha256), got=part.sha256)
        path = await off_loop(client.disk, part.finish)
        return Fetched(path=path, sha256=part.sha256, size=part.size)
    finally:
        await off_loop(client.disk, part.discard)


async def _http(client: Client, url: str, plugin: str | None, rules: Rules | None) -> Chunks:
    async with client.stream(url, plugin=plugin, rules=rules) as response:
        if response.status_code == _GONE:
            raise ReleaseGone(shown(url))
        if response.status_code >= _BROKEN:
            raise Unavailable(shown(url), f"HTTP {response.status_code}")
        if response.status_code != _OK:
            raise FetchFailed(shown(url), f"HTTP {response.status_code}")
        length = response.headers.get("content-length", "")
        total = int(length) if length.isdecimal() else None
        async for chunk in response.aiter_raw(BATCH):
            yield chunk, total


async def _file(url: str, client: Client) -> Chunks:
    try:
        source = await off_loop(client.disk, _opened, url)
        try:
            total = os.fstat(source.fileno()).st_size
            while chunk := await off_loop(client.disk, source.read, BATCH):
                yield chunk, total
        finally:
            await off_loop(client.disk, source.close)
    except (OSError, ValueError) as error:  # a path with a NUL in it is the latter
        raise FetchFailed(shown(url), getattr(error, "strerror", None) or str(error)) from None


def _opened(url: str) -> BinaryIO:
    """The regular file of a `file:` URL; a pipe or a device would keep the thread for ever."""
    parts = urlsplit(url)
    if parts.netloc not in {"", "localhost"}:
        raise FetchFailed(shown(url), "it names another machine's file")
    handle = os.open(unquote(parts.path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise FetchFailed(shown(url), "it is not a regular file")
    return os.fdopen(handle, "rb")
