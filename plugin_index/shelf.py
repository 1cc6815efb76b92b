"""What the index keeps: rows in SQLite, and blobs named by their sha256.

A blob is synced, and renamed before its row commits, so that a crash leaves no file or a whole file, at worst a blob without
a row. File names are never free again. Whoever reads is told of changes by `until_changed`.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name
from packaging.version import Version

from plughost.errors import ProjectUnknown, ReleaseUnknown
from plughost.sqlite import Database, migrate
from plugin_index import rows
from plugin_index.blobs import Blobs
from plugin_index.choosing import demanded
from plugin_index.nouns import Audit, Enabled, File
from plugin_index.schema import STEPS

T = TypeVar("T")
THREADS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin with files of its project, as they were at one moment."""

    name: str
    project: str
    files: Sequence[File]
    enabled: Enabled | None


class Shelf:
    """Files, plugins and what is enabled."""

    def __init__(self, blobs: Blobs, database: Database) -> None:
        self.blobs, self.database = blobs, database
        self._threads = ThreadPoolExecutor(THREADS, "plugin-index")
        self._changed = asyncio.Condition()
        self._editions: dict[str, int] = {}
        self.edition = 0
        """Another number after each change."""

    @classmethod
    @contextlib.asynccontextmanager
    async def opened(cls, home: Path) -> AsyncIterator[Shelf]:
        """The shelf of this home, with nothing half-uploaded in it; raises HomeNotWritable, DiskFull or LedgerTooNew."""
        blobs, path = Blobs(home), home / "index.sqlite"
        with blobs.held():
            database = await Database.open(path, name="plugin-index", durable=True)
            try:
                await database.write(lambda c: migrate(c, STEPS, path=path))
                shelf = cls(blobs, database)
                yield shelf
                shelf._threads.shutdown(wait=False)
            finally:
                await database.close()

    async def run(self, job: Callable[[], T]) -> T:
        """Something that blocks, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def edition_of(self, project: str) -> int:
        """Another number after each change of the project."""
        return self._editions.get(project, 0)

    async def keep(self, upload: Path, file: File, metadata: bytes, origin: str) -> None:
        """Keep the file for ever; the same bytes again change nothing. Raises FileExists or PluginNameTaken."""

        def write(connection: sqlite3.Connection) -> bool:
            new = rows.insert(connection, file, metadata)
            self.blobs.keep(upload, file.sha256)
            if new:
                rows.add_audit(connection, Audit(at=file.uploaded, by=file.uploader, verb="upload", subject=file.filename, origin=origin))
                rows.follow(connection, file.project)
            return new

        await self.run(lambda: self.blobs.sync(upload))
        if await self.database.write(write):
            await self._tell(file.project)

    async def projects(self) -> tuple[str, ...]:
        """All projects, by name."""
        return await self.database.read(lambda c: tuple(row[0] for row in c.execute("SELECT DISTINCT project FROM files ORDER BY project")))

    async def files(self, project: str) -> tuple[File, ...]:
        """A project's files, newest version first; empty where it is unknown."""
        return await self.database.read(lambda c: rows.of_project(c, canonicalize_name(project)))

    async def file(self, sha256: str, filename: str) -> File | None:
        """One file by its address."""
        found = await self.database.read(lambda c: rows.files(c, "filename = ? AND sha256 = ?", filename, sha256))
        return found[0] if found else None

    async def metadata(self, filename: str) -> bytes:
        """The METADATA of a file that is there."""
        query = "SELECT metadata FROM files WHERE filename = ?"
        return await self.database.read(lambda c: bytes(c.execute(query, (filename,)).fetchone()[0]))

    async def owner(self, plugin: str) -> str:
        """The project that a plugin belongs to; raises PluginNotPublished."""
        return await self.database.read(lambda c: rows.project_of(c, plugin))

    async def plugin(self, name: str) -> Plugin:
        """One plugin; raises PluginNotPublished."""

        def read(connection: sqlite3.Connection) -> Plugin:
            project = rows.project_of(connection, name)
            enabled = rows.enabled(connection).get(name)
            return Plugin(name=name, project=project, files=rows.of_project(connection, project), enabled=enabled)

        return await self.database.read(read)

    async def plugins(self, after: str, limit: int) -> tuple[Plugin, ...]:
        """The next plugins after this name, by name, with all files of their projects."""

        def read(connection: sqlite3.Connection) -> tuple[Plugin, ...]:
            owners, enabled = rows.owners(connection, after, limit), rows.enabled(connection)
            files = rows.of_projects(connection, owners.values())
            return tuple(Plugin(name=name, project=owner, files=files[owner], enabled=enabled.get(name)) for name, owner in owners.items())

        return await self.database.read(read)

    async def running(self) -> tuple[Plugin, ...]:
        """What should run, by name, with the files of the chosen releases alone."""

        def read(connection: sqlite3.Connection) -> tuple[Plugin, ...]:
            enabled = rows.enabled(connection)
            owners = {name: rows.project_of(connection, name) for name in enabled}
            files = rows.of_releases(connection, ((owners[name], entry.version) for name, entry in enabled.items()))
            return tuple(Plugin(name=name, project=owners[name], files=files[owners[name]], enabled=enabled[name]) for name in enabled)

        return await self.database.read(read)

    async def enable(self, plugin: str, specifier: str, audit: Audit) -> None:
        """It should run from now on; raises PluginNotPublished, ReleaseUnknown or RequestInvalid."""

        def write(connection: sqlite3.Connection) -> str:
            project = rows.project_of(connection, plugin)
            version = demanded(plugin, rows.of_project(connection, project), specifier)
            entry = Enabled(plugin=plugin, specifier=specifier, version=version, by=audit.by, at=audit.at, reason=audit.reason)
            rows.set_enabled(connection, entry)
            rows.add_audit(connection, replace(audit, subject=f"{plugin} {specifier}".strip()))
            return project

        await self._tell(await self.database.write(write))

    async def disable(self, plugin: str, audit: Audit) -> None:
        """It should run no more; raises PluginNotPublished."""

        def write(connection: sqlite3.Connection) -> str:
            project = rows.project_of(connection, plugin)
            connection.execute("DELETE FROM enabled WHERE plugin = ?", (plugin,))
            rows.add_audit(connection, audit)
            return project

        await self._tell(await self.database.write(write))

    async def yank(self, project: str, version: Version, filename: str | None, reason: str | None, audit: Audit) -> None:
        """Set or take away (reason None) the yank of a release, or of one file of it; raises ProjectUnknown or ReleaseUnknown."""
        name = canonicalize_name(project)

        def write(connection: sqlite3.Connection) -> None:
            for meant in _meant(rows.of_project(connection, name), project, version, filename):
                connection.execute("UPDATE files SET yanked = ? WHERE filename = ?", (reason, meant))
            rows.add_audit(connection, audit)
            rows.follow(connection, name)

        await self.database.write(write)
        await self._tell(name)

    async def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        """The newest rows, older than the id `before`."""
        return await self.database.read(lambda c: rows.audit(c, limit, before))

    async def until_changed(self, edition: int) -> None:
        """Wait until the edition is another one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.edition != edition)

    async def _tell(self, project: str) -> None:
        async with self._changed:
            self.edition += 1
            self._editions[project] = self.edition
            self._changed.notify_all()


def _meant(files: Sequence[File], project: str, version: Version, filename: str | None) -> Sequence[str]:
    if not files:
        raise ProjectUnknown(project)
    meant = [file.filename for file in files if file.number == version and filename in {None, file.filename}]
    if not meant:
        raise ReleaseUnknown(project, asked=filename or str(version), present=sorted({file.version for file in files}))
    return meant


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
