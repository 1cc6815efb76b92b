"""What every `Storage` keeps to, whatever it is made of: its blobs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from plugin_index.errors import BlobMissing
from plugin_index.storage import Blobs, Storage


def arrived(blobs: Blobs, data: bytes) -> Path:
    upload = blobs.incoming()
    upload.write_bytes(data)
    blobs.sync(upload)
    return upload


def keep(blobs: Blobs, data: bytes) -> str:
    sha256 = hashlib.sha256(data).hexdigest()
    blobs.keep(arrived(blobs, data), sha256)
    return sha256


def read(blobs: Blobs, sha256: str) -> bytes:
    with blobs.open(sha256) as file:
        return file.read()


async def test_bytes_are_read_as_they_were_kept(storage: Storage) -> None:
    one, two = keep(storage.blobs, b"one" * 100_000), keep(storage.blobs, b"")

    assert read(storage.blobs, one) == b"one" * 100_000
    assert read(storage.blobs, two) == b""
    assert {(name, size) for name, size, _ in storage.blobs.every()} == {(one, 300_000), (two, 0)}


async def test_what_is_kept_is_no_upload_any_more(storage: Storage) -> None:
    upload = arrived(storage.blobs, b"one")
    storage.blobs.keep(upload, "1" * 64)

    assert not upload.exists()


async def test_each_upload_has_a_path_of_its_own(storage: Storage) -> None:
    paths = {storage.blobs.incoming() for _ in range(1000)}

    assert len(paths) == 1000
    assert [path for path in paths if path.exists()] == []


async def test_keeping_the_same_bytes_again_changes_nothing_for_who_reads(storage: Storage) -> None:
    sha256 = keep(storage.blobs, b"one")
    with storage.blobs.open(sha256) as reading:
        assert keep(storage.blobs, b"one") == sha256
        assert reading.read() == b"one"

    assert [name for name, _, _ in storage.blobs.every()] == [sha256]


async def test_bytes_that_are_gone_or_damaged_are_whole_when_they_are_kept_again(storage: Storage) -> None:
    for damaged in (b"a whe", b"a weel", b"a whale"):
        sha256 = keep(storage.blobs, b"a wheel")
        with storage.blobs.open(sha256) as file:
            Path(file.name).write_bytes(damaged)
        assert keep(storage.blobs, b"a wheel") == sha256
        assert read(storage.blobs, sha256) == b"a wheel"
    storage.blobs.delete(sha256)

    keep(storage.blobs, b"a wheel")

    assert read(storage.blobs, sha256) == b"a wheel"


async def test_bytes_that_are_not_there_are_said_to_be_missing(storage: Storage) -> None:
    sha256 = keep(storage.blobs, b"one")
    storage.blobs.delete(sha256)
    storage.blobs.delete(sha256)

    with pytest.raises(BlobMissing, match=sha256):
        storage.blobs.open(sha256)
    assert [*storage.blobs.every()] == []


async def test_who_reads_bytes_reads_them_to_the_end_although_they_are_deleted(storage: Storage) -> None:
    sha256 = keep(storage.blobs, b"one" * 1000)
    with storage.blobs.open(sha256) as reading:
        storage.blobs.delete(sha256)

        assert reading.read() == b"one" * 1000
