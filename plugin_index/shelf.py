"""What the index keeps: rows in SQLite, and blobs named by their sha256.

A blob is synced and renamed before its row commits, so that a crash leaves no file or a whole file, at worst a blob without
a row. File names are never free again. Whoever reads is told of changes by `changed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name
from packaging.version import Version

from plughost.errors import HomeNotWritable, PluginNameTaken, PluginUnknown, ProjectUnknown, ReleaseUnknown
from plughost.sqlite import Database, migrate
from plugin_index.errors import FileExists
from plugin_index.nouns import Audit, Enabled, File
from plugin_index.schema import STEPS

T = TypeVar("T")


class Shelf:
    """Files, plugins and what is enabled."""

    def __init__(self, home: Path, database: Database) -> None:
        self._blobs, self.staging = home / "blobs", home / "staging"
        self.database = database
        self.threads = ThreadPoolExecutor(4, "plugin-index")
        """Where uploads are parsed, hashed, checked and written."""
        self._changed = asyncio.Condition()
        self.edition = 0
        """Another number after each change."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, home: Path) -> AsyncIterator[Shelf]:
        """The shelf of this home, with nothing half-uploaded in it; raises HomeNotWritable or LedgerTooNew."""
        _make(home)
        database = await Database.open(home / "index.sqlite", name="plugin-index")
        try:
            await database.write(lambda c: migrate(c, STEPS, path=home / "index.sqlite"))
            shelf = cls(home, database)
            yield shelf
            shelf.threads.shutdown(wait=False)
        finally:
            await database.close()

    async def run(self, job: Callable[[], T]) -> T:
        """Something that blocks, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, job)

    def incoming(self) -> Path:
        """A file for one upload."""
        return self.staging / secrets.token_hex(8)

    def blob(self, sha256: str) -> Path:
        """Where the bytes are."""
        return self._blobs / sha256[:2] / sha256

    async def keep(self, upload: Path, file: File, origin: str) -> bool:
        """Keep the file for ever; False where the same bytes were there already. Raises FileExists or PluginNameTaken."""
        blob = self.blob(file.sha256)
        await self.run(lambda: _move(upload, blob))
        try:
            new = await self.database.write(lambda c: _insert(c, file, origin))
        except BaseException:
            if not await self.database.read(lambda c: _has_blob(c, file.sha256)):
                await self.run(lambda: blob.unlink(missing_ok=True))
            raise
        if new:
            await self._tell()
        return new

    async def projects(self) -> tuple[str, ...]:
        """All projects, by name."""
        return await self.database.read(lambda c: tuple(row[0] for row in c.execute("SELECT DISTINCT project FROM files ORDER BY project")))

    async def files(self, project: str) -> tuple[File, ...]:
        """A project's files, newest version first; empty where it is unknown."""
        return await self.database.read(lambda c: _files(c, "project = ?", canonicalize_name(project)))

    async def file(self, sha256: str, filename: str) -> File | None:
        """One file by its address."""
        found = await self.database.read(lambda c: _files(c, "filename = ? AND sha256 = ?", filename, sha256))
        return found[0] if found else None

    async def plugins(self) -> Mapping[str, str]:
        """Plugin → the project that it belongs to."""
        return await self.database.read(lambda c: dict(c.execute("SELECT name, project FROM plugins ORDER BY name").fetchall()))

    async def owner(self, plugin: str) -> str:
        """The project that a plugin belongs to; raises PluginUnknown."""
        try:
            return (await self.plugins())[plugin]
        except KeyError:
            raise PluginUnknown(plugin) from None

    async def enabled(self) -> Mapping[str, Enabled]:
        """What should run, by plugin."""
        return await self.database.read(_enabled)

    async def enable(self, entry: Enabled, origin: str) -> None:
        """It should run from now on."""
        row = (entry.plugin, entry.specifier, entry.by, entry.at, entry.reason)

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO enabled VALUES (?, ?, ?, ?, ?)", row)
            said = f"{entry.plugin} {entry.specifier}".strip()
            add_audit(connection, Audit(at=entry.at, by=entry.by, verb="enable", subject=said, origin=origin, reason=entry.reason))

        await self._write(write)

    async def disable(self, plugin: str, audit: Audit) -> None:
        """It should run no more."""

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM enabled WHERE plugin = ?", (plugin,))
            add_audit(connection, audit)

        await self._write(write)

    async def yank(self, project: str, version: str, filename: str | None, reason: str | None, audit: Audit) -> None:
        """Set or take away (reason None) the yank of a release, or of one file of it; raises ProjectUnknown or ReleaseUnknown."""

        def write(connection: sqlite3.Connection) -> None:
            files = _files(connection, "project = ?", canonicalize_name(project))
            if not files:
                raise ProjectUnknown(project)
            meant = [each.filename for each in files if each.number == Version(version) and filename in {None, each.filename}]
            if not meant:
                raise ReleaseUnknown(project, asked=filename or version, present=sorted({each.version for each in files}))
            for name in meant:
                connection.execute("UPDATE files SET yanked = ? WHERE filename = ?", (reason, name))
            add_audit(connection, audit)

        await self._write(write)

    async def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        """The newest rows, older than the id `before`."""
        return await self.database.read(lambda c: _audit(c, limit, before))

    async def until_changed(self, edition: int) -> None:
        """Wait until the edition is another one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.edition != edition)

    async def _write(self, job: Callable[[sqlite3.Connection], None]) -> None:
        await self.database.write(job)
        await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self.edition += 1
            self._changed.notify_all()


def add_audit(connection: sqlite3.Connection, row: Audit) -> None:
    """One more row, in the caller's transaction."""
    connection.execute(
        "INSERT INTO audit (at, by, verb, subject, origin, reason) VALUES (?, ?, ?, ?, ?, ?)",
        (row.at, row.by, row.verb, row.subject, row.origin, row.reason),
    )


def _insert(connection: sqlite3.Connection, file: File, origin: str) -> bool:
    known = connection.execute("SELECT sha256 FROM files WHERE filename = ?", (file.filename,)).fetchone()
    if known is not None:
        if known[0] == file.sha256:
            return False
        raise FileExists(file.filename)
    for plugin in file.plugins:
        connection.execute("INSERT OR IGNORE INTO plugins VALUES (?, ?)", (plugin, file.project))
        owner = connection.execute("SELECT project FROM plugins WHERE name = ?", (plugin,)).fetchone()[0]
        if owner != file.project:
            raise PluginNameTaken(plugin, owner=owner, project=file.project)
    values = {name: getattr(file, name) for name in _COLUMNS}
    values["plugins"] = json.dumps(dict(file.plugins))
    names = ", ".join(_COLUMNS)
    connection.execute(f"INSERT INTO files ({names}) VALUES ({', '.join(f':{name}' for name in _COLUMNS)})", values)  # noqa: S608 - our own names
    add_audit(connection, Audit(at=file.uploaded, by=file.uploader, verb="upload", subject=file.filename, origin=origin))
    return True


_COLUMNS = tuple(File.__dataclass_fields__)


def _files(connection: sqlite3.Connection, where: str, *values: str) -> tuple[File, ...]:
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM files WHERE {where}", values).fetchall()  # noqa: S608 - our own names
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    files = [File(**{**row, "plugins": json.loads(row["plugins"])}) for row in found]
    return tuple(sorted(files, key=lambda file: (file.number, file.filename), reverse=True))


def _enabled(connection: sqlite3.Connection) -> Mapping[str, Enabled]:
    rows = connection.execute("SELECT plugin, specifier, by, at, reason FROM enabled ORDER BY plugin").fetchall()
    return {row[0]: Enabled(plugin=row[0], specifier=row[1], by=row[2], at=row[3], reason=row[4]) for row in rows}


def _has_blob(connection: sqlite3.Connection, sha256: str) -> bool:
    return connection.execute("SELECT 1 FROM files WHERE sha256 = ?", (sha256,)).fetchone() is not None


def _audit(connection: sqlite3.Connection, limit: int, before: int | None) -> tuple[Audit, ...]:
    rows = connection.execute(
        "SELECT id, at, by, verb, subject, origin, reason FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?", (before or 1 << 62, limit)
    ).fetchall()
    names = ("id", "at", "by", "verb", "subject", "origin", "reason")
    return tuple(Audit(**dict(zip(names, row, strict=True))) for row in rows)


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(home / "staging", ignore_errors=True)  # uploads that a dead process had begun
        for folder in ("blobs", "staging"):
            (home / folder).mkdir(exist_ok=True)
    except OSError as error:
        raise HomeNotWritable(str(home), error.strerror or str(error)) from None


def _move(upload: Path, blob: Path) -> None:
    """Sync, then rename: the name is there only when the bytes are."""
    blob.parent.mkdir(exist_ok=True)
    with upload.open("rb") as file:
        os.fsync(file.fileno())
    upload.replace(blob)
    folder = os.open(blob.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
