"""Where the index keeps things: rows, seen in transactions, and blobs named by their sha256.

A blob is there whole before the row that names it commits, so that a crash leaves no file or a whole file, at worst a blob
without a row. `Home` is the one kind built: SQLite and a directory. Another (PostgreSQL, an object store) has to pass the suite
in tests/index/storage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from plugin_index.nouns import Audit, Enabled, File, Mirror, Offer, Revocation, Token

T = TypeVar("T")


class Rows(Protocol):
    """All rows, as one transaction sees them. Files come newest version first."""

    def projects(self) -> tuple[str, ...]:
        """All projects that ever had a file, by name."""
        ...

    def file(self, filename: str) -> File | None:
        """One file, whatever became of it."""
        ...

    def of_project(self, project: str) -> tuple[File, ...]:
        """A project's files, whatever became of them."""
        ...

    def of_projects(self, projects: Iterable[str]) -> Mapping[str, Sequence[File]]:
        """Project → its files."""
        ...

    def of_releases(self, releases: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[File]]:
        """Project → the files of one version or several, for each (project, version)."""
        ...

    def of_sha256(self, sha256: str) -> tuple[File, ...]:
        """The files that have these bytes."""
        ...

    def add(self, file: File, metadata: bytes) -> None:
        """A file under a name that was never used."""
        ...

    def mark(self, file: File) -> None:
        """Write what may change of a file: yanked, quarantined, removed."""
        ...

    def metadata(self, filename: str) -> bytes:
        """The METADATA of a file that is there."""
        ...

    def files(self) -> Iterator[File]:
        """Every file, in no order, a few at a time."""
        ...

    def totals(self) -> tuple[int, int]:
        """How many files are not removed, and their bytes."""
        ...

    def owner(self, plugin: str) -> str | None:
        """The project that a plugin belongs to."""
        ...

    def claim(self, plugin: str, project: str) -> None:
        """The plugin belongs to the project, unless it belongs to one already."""
        ...

    def owners(self, after: str, limit: int) -> Mapping[str, str]:
        """Plugin → its project, by name."""
        ...

    def enabled(self) -> Mapping[str, Enabled]:
        """What should run, by plugin."""
        ...

    def enable(self, entry: Enabled) -> None:
        """It should run, instead of what was said before."""
        ...

    def disable(self, plugin: str) -> None:
        """It should run no more."""
        ...

    def revoked(self) -> tuple[Revocation, ...]:
        """What no host may run, newest first."""
        ...

    def revoke(self, revocation: Revocation) -> None:
        """No host may run it; what was said first about these bytes stays."""
        ...

    def mirror(self, project: str) -> Mirror | None:
        """Which registry answered for a project last."""
        ...

    def put_mirror(self, mirror: Mirror, offers: Sequence[Offer]) -> None:
        """What it offers, in this order, instead of what was offered before."""
        ...

    def drop_mirror(self, project: str) -> None:
        """Nothing is offered of the project any more."""
        ...

    def offers(self, project: str) -> tuple[Offer, ...]:
        """What a registry offers of a project, in its order."""
        ...

    def offer(self, filename: str) -> Offer | None:
        """One file that a registry offers."""
        ...

    def is_offered(self, sha256: str) -> bool:
        """Whether a registry offers these bytes, as a file or as its METADATA; they are kept only once somebody has asked for them."""
        ...

    def tokens(self) -> tuple[Token, ...]:
        """Every token, newest first."""
        ...

    def token(self, identifier: str) -> Token | None:
        """One token by its id."""
        ...

    def token_of(self, digest: str) -> Token | None:
        """One token by its hash."""
        ...

    def put_token(self, token: Token) -> None:
        """A new token, or one that changed."""
        ...

    def delete_token(self, identifier: str) -> None:
        """It is gone."""
        ...

    def add_audit(self, row: Audit) -> None:
        """One more row."""
        ...

    def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        """The newest rows, older than the id `before`."""
        ...


class Blobs(Protocol):
    """Bytes named by their sha256, and uploads under way. Everything here blocks; raises DiskFull or HomeNotWritable."""

    def incoming(self) -> Path:
        """A path for one upload; nobody else has its name, and what lies there does not outlive the process that serves."""
        ...

    def sync(self, upload: Path) -> None:
        """Bring the bytes of an upload to the disk."""
        ...

    def keep(self, upload: Path, sha256: str) -> None:
        """Give synced bytes their name, instead of what has it and may be damaged; who reads that goes on reading it."""
        ...

    def open(self, sha256: str) -> BinaryIO:
        """The bytes; raises BlobMissing."""
        ...

    def delete(self, sha256: str) -> None:
        """The bytes are gone, if they were there."""
        ...

    def every(self) -> Iterator[tuple[str, int, float]]:
        """(name, size, when it was written) of all that is kept, in no order."""
        ...


class Storage(Protocol):
    """Both together. A write is on the disk when it returns; whatever the job raises undoes all of it."""

    @property
    def blobs(self) -> Blobs:
        """The bytes."""
        ...

    async def read(self, job: Callable[[Rows], T]) -> T:
        """What the job answers, from one consistent picture; it does not wait for writes."""
        ...

    async def write(self, job: Callable[[Rows], T]) -> T:
        """What the job answers, once it is committed."""
        ...
