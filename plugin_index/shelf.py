"""What is on the shelf: files, plugins, what is enabled. Whoever reads is told of changes by `until_changed`.

A file name is never free again, whatever becomes of the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from packaging.utils import canonicalize_name

from plughost.errors import HostError, PlughostError
from plugin_index import changes
from plugin_index.nouns import Audit, Enabled, File, Revocation
from plugin_index.storage import Blobs, Rows, Storage

T = TypeVar("T")
THREADS, CHECKS = 4, 2
REMEMBERED = 4096
"""Files whose rows are kept in memory, because somebody downloads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One plugin with files of its project, as they were at one moment."""

    name: str
    project: str
    files: Sequence[File]
    enabled: Enabled | None


class Shelf:
    """Reads what is kept, and has it changed."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._threads = ThreadPoolExecutor(THREADS, "plugin-index")
        self._checks = ThreadPoolExecutor(CHECKS, "plugin-index checks")
        self._changed = asyncio.Condition()
        self._editions: dict[str, int] = {}
        self._every = 0
        self._files: dict[tuple[str, str], tuple[int, File]] = {}
        self.edition = 0
        """Another number after each change."""

    @classmethod
    @contextlib.asynccontextmanager
    async def over(cls, storage: Storage) -> AsyncIterator[Shelf]:
        """The shelf, and the threads in which it blocks."""
        shelf = cls(storage)
        try:
            yield shelf
        finally:
            shelf._threads.shutdown(wait=False)
            shelf._checks.shutdown(wait=False)

    @property
    def blobs(self) -> Blobs:
        """The bytes."""
        return self._storage.blobs

    async def run(self, job: Callable[[], T]) -> T:
        """Something that blocks, off the loop."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    async def check(self, job: Callable[[], T]) -> T:
        """Something that blocks for seconds, where nobody who reads waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._checks, job)

    async def read(self, job: Callable[[Rows], T]) -> T:
        """What the job answers of the rows."""
        return await self._storage.read(job)

    def edition_of(self, project: str) -> int:
        """Another number after each change of the project."""
        return max(self._editions.get(project, 0), self._every)

    async def keep(self, upload: Path, file: File, metadata: bytes, origin: str) -> None:
        """Keep the file for ever; the same bytes again change nothing.

        Raises FileExists, FileRespelled, PluginNameTaken or BytesRevoked.
        """

        def write(rows: Rows) -> bool:
            new = changes.publish(rows, file, metadata, origin)
            self.blobs.keep(upload, file.sha256)
            return new

        await self.check(lambda: self.blobs.sync(upload))
        try:
            new = await self._storage.write(write)
        except HostError:
            await self._take_back(file.sha256)
            raise
        if new:
            await self._tell(file.project)

    async def change(self, job: Callable[[Rows], str]) -> None:
        """Carry out an operator's change, which answers whose project it changes (empty: all)."""
        await self._tell(await self._storage.write(job))

    async def projects(self) -> tuple[str, ...]:
        """All projects, by name."""
        return await self.read(lambda rows: rows.projects())

    async def files(self, project: str) -> tuple[File, ...]:
        """A project's files, newest version first, whatever became of them; empty where it is unknown."""
        return await self.read(lambda rows: rows.of_project(canonicalize_name(project)))

    async def file(self, sha256: str, filename: str) -> File | None:
        """One file by its address, whatever became of it."""
        edition, file = self._files.get((sha256, filename), (-1, None))
        if file is not None and edition == self.edition_of(file.project):
            return file
        before = self.edition
        file = await self.read(lambda rows: rows.file(filename))
        if file is None or file.sha256 != sha256:
            return None
        if self.edition == before:
            while len(self._files) >= REMEMBERED:
                self._files.pop(next(iter(self._files)))
            self._files[sha256, filename] = (self.edition_of(file.project), file)
        return file

    async def metadata(self, filename: str) -> bytes:
        """The METADATA of a file that is there."""
        return await self.read(lambda rows: rows.metadata(filename))

    async def owner(self, plugin: str) -> str:
        """The project that a plugin belongs to; raises PluginNotPublished."""
        return await self.read(lambda rows: changes.owner(rows, plugin))

    async def plugin(self, name: str) -> Plugin:
        """One plugin; raises PluginNotPublished."""

        def read(rows: Rows) -> Plugin:
            project = changes.owner(rows, name)
            return Plugin(name=name, project=project, files=rows.of_project(project), enabled=rows.enabled().get(name))

        return await self.read(read)

    async def plugins(self, after: str, limit: int) -> tuple[Plugin, ...]:
        """The next plugins after this name, by name, with all files of their projects."""

        def read(rows: Rows) -> tuple[Plugin, ...]:
            owners, enabled = rows.owners(after, limit), rows.enabled()
            files = rows.of_projects(owners.values())
            return tuple(Plugin(name=name, project=owner, files=files[owner], enabled=enabled.get(name)) for name, owner in owners.items())

        return await self.read(read)

    async def running(self) -> tuple[Sequence[Plugin], Sequence[Revocation]]:
        """What should run, by name, with the files of the chosen releases alone; and what no host may run. Both at one moment."""

        def read(rows: Rows) -> tuple[Sequence[Plugin], Sequence[Revocation]]:
            enabled = rows.enabled()
            owners = {name: changes.owner(rows, name) for name in enabled}
            files = rows.of_releases((owners[name], entry.version) for name, entry in enabled.items())
            plugins = [Plugin(name=name, project=owners[name], files=files[owners[name]], enabled=enabled[name]) for name in enabled]
            return plugins, rows.revoked()

        return await self.read(read)

    async def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        """The newest rows, older than the id `before`."""
        return await self.read(lambda rows: rows.audit(limit, before))

    async def until_changed(self, edition: int) -> None:
        """Wait until the edition is another one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.edition != edition)

    async def _take_back(self, sha256: str) -> None:
        """Bytes that came to have no row are not kept: a full disk has no room for them."""

        def write(rows: Rows) -> None:
            if not rows.of_sha256(sha256) and not rows.is_offered(sha256):
                self.blobs.delete(sha256)

        with contextlib.suppress(PlughostError):
            await self._storage.write(write)

    async def _tell(self, project: str) -> None:
        async with self._changed:
            self.edition += 1
            if project:
                self._editions[project] = self.edition
            else:
                self._every = self.edition
            self._changed.notify_all()


def now() -> float:
    """Seconds since the epoch."""
    return time.time()
