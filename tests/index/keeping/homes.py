"""Homes with files in them, filled without a server; and what the commands say of them."""

from __future__ import annotations

import hashlib
import io
import json
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from plughost.testing import BuiltWheel
from plughost.wheel import parse_filename
from plugin_index import changes
from plugin_index.nouns import File, Offer
from plugin_index.storage import Rows, Storage
from plugin_index.storage.disk import DiskBlobs
from plugin_index.storage.home import DATABASE, Home
from tests.index.program import BIN, chat, run
from tests.index.storage.rows import a_mirror, an_offer

UPLOADED = 1_700_000_000.0


async def filled(home: Path, *wheels: BuiltWheel) -> Path:
    """The home, with these wheels in it."""
    async with Home.opened(home) as storage:
        for built in wheels:
            await shelve(storage, built)
    return home


async def shelve(storage: Storage, built: BuiltWheel) -> File:
    """Keep the wheel as an upload does."""
    file, metadata = described(built)
    upload = storage.blobs.incoming()
    upload.write_bytes(built.data)
    storage.blobs.sync(upload)

    def write(rows: Rows) -> None:
        changes.publish(rows, file, metadata, "192.0.2.1")
        storage.blobs.keep(upload, file.sha256)

    await storage.write(write)
    upload.unlink(missing_ok=True)
    return file


async def passed_through(storage: Storage, built: BuiltWheel) -> Offer:
    """Keep what a registry offers, as somebody has asked for it."""
    name = parse_filename(built.filename)
    offer = an_offer(name.project, name.version, filename=built.filename, sha256=built.sha256, size=len(built.data))
    await storage.write(lambda rows: rows.put_mirror(a_mirror(name.project), [offer]))
    upload = storage.blobs.incoming()
    upload.write_bytes(built.data)
    storage.blobs.keep(upload, offer.sha256)
    return offer


def described(built: BuiltWheel) -> tuple[File, bytes]:
    with zipfile.ZipFile(io.BytesIO(built.data)) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA")))
    name = parse_filename(built.filename)
    file = File(
        filename=built.filename,
        project=name.project,
        version=name.version,
        sha256=built.sha256,
        size=len(built.data),
        uploaded=UPLOADED,
        uploader="ci",
        requires_python=None,
        metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        summary="",
        plugins={name.project.removeprefix("acme-"): f"{name.project.replace('-', '_')}:plugin"},
    )
    return file, metadata


def blob(home: Path, built: BuiltWheel) -> Path:
    return DiskBlobs(home).path(built.sha256)


@contextmanager
def rows(home: Path) -> Iterator[sqlite3.Connection]:
    """The database, to do what the index never does."""
    connection = sqlite3.connect(home / DATABASE)
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


async def command(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """The exit status of `plugin-index ... --json`, and what it said."""
    status, said = await run(BIN / "plugin-index", *arguments, "--json")
    return status, json.loads(said)


async def findings(home: Path) -> tuple[int, set[tuple[str, str]]]:
    """The exit status of `plugin-index verify`, and what it found of what."""
    status, said = await command("verify", "--home", home)
    return status, {(finding["kind"], finding["subject"]) for finding in said["findings"]}


ONE, TWO, THREE = chat("1.0"), chat("2.0"), chat("3.0")
