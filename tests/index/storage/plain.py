"""The protocol once more, without SQL: rows in dictionaries, blobs in one flat folder."""

from __future__ import annotations

import copy
import dataclasses
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeVar

from packaging.utils import canonicalize_version

from plugin_index.errors import BlobMissing
from plugin_index.nouns import Audit, Enabled, File, Mirror, Offer, Revocation, Token
from plugin_index.storage import Rows

T = TypeVar("T")


@dataclass(kw_only=True)
class Tables:
    files: dict[str, File] = field(default_factory=dict)
    metadata: dict[str, bytes] = field(default_factory=dict)
    plugins: dict[str, str] = field(default_factory=dict)
    enabled: dict[str, Enabled] = field(default_factory=dict)
    revoked: dict[str, Revocation] = field(default_factory=dict)
    mirrors: dict[str, tuple[Mirror, tuple[Offer, ...]]] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    audit: list[Audit] = field(default_factory=list)


class PlainRows:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def projects(self) -> tuple[str, ...]:
        return tuple(sorted({file.project for file in self._tables.files.values()}))

    def file(self, filename: str) -> File | None:
        return next(iter(self._files(lambda file: file.filename == filename)), None)

    def of_project(self, project: str) -> tuple[File, ...]:
        return self._files(lambda file: file.project == project)

    def of_projects(self, projects: Iterable[str]) -> Mapping[str, Sequence[File]]:
        meant = set(projects)
        return _grouped(self._files(lambda file: file.project in meant))

    def of_releases(self, releases: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[File]]:
        meant = {(project, canonicalize_version(version)) for project, version in releases}
        return _grouped(self._files(lambda file: (file.project, canonicalize_version(file.version)) in meant))

    def of_sha256(self, sha256: str) -> tuple[File, ...]:
        return self._files(lambda file: file.sha256 == sha256)

    def add(self, file: File, metadata: bytes) -> None:
        if file.filename in self._tables.files:
            raise KeyError(file.filename)
        self._tables.files[file.filename] = file
        self._tables.metadata[file.filename] = metadata

    def mark(self, file: File) -> None:
        old = self._tables.files[file.filename]
        marks = {"yanked": file.yanked, "quarantined": file.quarantined, "removed": file.removed}
        self._tables.files[file.filename] = dataclasses.replace(old, **marks)  # type: ignore[arg-type]  # each has its own type

    def metadata(self, filename: str) -> bytes:
        return self._tables.metadata[filename]

    def files(self) -> Iterator[File]:
        yield from self._files(lambda _: True)

    def totals(self) -> tuple[int, int]:
        present = self._files(lambda file: file.removed is None)
        return len(present), sum(file.size for file in present)

    def owner(self, plugin: str) -> str | None:
        return self._tables.plugins.get(plugin)

    def claim(self, plugin: str, project: str) -> None:
        self._tables.plugins.setdefault(plugin, project)

    def owners(self, after: str, limit: int) -> Mapping[str, str]:
        return dict([(name, owner) for name, owner in sorted(self._tables.plugins.items()) if name > after][:limit])

    def enabled(self) -> Mapping[str, Enabled]:
        return dict(sorted(self._tables.enabled.items()))

    def enable(self, entry: Enabled) -> None:
        self._tables.enabled[entry.plugin] = entry

    def disable(self, plugin: str) -> None:
        self._tables.enabled.pop(plugin, None)

    def revoked(self) -> tuple[Revocation, ...]:
        return tuple(sorted(self._tables.revoked.values(), key=lambda each: (-each.at, each.sha256)))

    def revoke(self, revocation: Revocation) -> None:
        self._tables.revoked.setdefault(revocation.sha256, revocation)

    def mirror(self, project: str) -> Mirror | None:
        return self._tables.mirrors[project][0] if project in self._tables.mirrors else None

    def put_mirror(self, mirror: Mirror, offers: Sequence[Offer]) -> None:
        self._tables.mirrors[mirror.project] = mirror, tuple(offers)

    def drop_mirror(self, project: str) -> None:
        self._tables.mirrors.pop(project, None)

    def offers(self, project: str) -> tuple[Offer, ...]:
        return self._tables.mirrors[project][1] if project in self._tables.mirrors else ()

    def offer(self, filename: str) -> Offer | None:
        return next((offer for offer in self._offers() if offer.filename == filename), None)

    def is_offered(self, sha256: str) -> bool:
        return any(sha256 in {offer.sha256, offer.metadata_sha256} for offer in self._offers())

    def tokens(self) -> tuple[Token, ...]:
        return tuple(sorted(self._tables.tokens.values(), key=lambda token: (-token.created, token.id)))

    def token(self, identifier: str) -> Token | None:
        return self._tables.tokens.get(identifier)

    def token_of(self, digest: str) -> Token | None:
        return next((token for token in self._tables.tokens.values() if token.hash == digest), None)

    def put_token(self, token: Token) -> None:
        self._tables.tokens[token.id] = token

    def delete_token(self, identifier: str) -> None:
        self._tables.tokens.pop(identifier, None)

    def add_audit(self, row: Audit) -> None:
        self._tables.audit.append(dataclasses.replace(row, id=len(self._tables.audit) + 1))

    def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        older = [row for row in reversed(self._tables.audit) if before is None or row.id < before]
        return tuple(older[:limit])

    def _offers(self) -> Iterator[Offer]:
        for _, offers in self._tables.mirrors.values():
            yield from offers

    def _files(self, wanted: Callable[[File], bool]) -> tuple[File, ...]:
        said = {sha256: revocation.reason for sha256, revocation in self._tables.revoked.items()}
        found = [dataclasses.replace(file, revoked=said.get(file.sha256)) for file in self._tables.files.values() if wanted(file)]
        return tuple(sorted(found, key=lambda file: (file.number, file.filename), reverse=True))


class PlainBlobs:
    def __init__(self, folder: Path) -> None:
        self._kept, self._incoming = folder / "kept", folder / "incoming"
        self._kept.mkdir(parents=True)
        self._incoming.mkdir()

    def incoming(self) -> Path:
        return self._incoming / secrets.token_hex(8)

    def sync(self, upload: Path) -> None:
        with upload.open("rb") as file:
            os.fsync(file.fileno())

    def keep(self, upload: Path, sha256: str) -> None:
        upload.replace(self._kept / sha256)

    def open(self, sha256: str) -> BinaryIO:
        try:
            return (self._kept / sha256).open("rb")
        except FileNotFoundError:
            raise BlobMissing(sha256) from None

    def delete(self, sha256: str) -> None:
        (self._kept / sha256).unlink(missing_ok=True)

    def every(self) -> Iterator[tuple[str, int, float]]:
        for path in self._kept.iterdir():
            yield path.name, path.stat().st_size, path.stat().st_mtime


class PlainStorage:
    """Each write works on a copy, which takes the place of the tables when it ends well."""

    def __init__(self, folder: Path) -> None:
        self.blobs, self._tables = PlainBlobs(folder), Tables()

    async def read(self, job: Callable[[Rows], T]) -> T:
        return job(PlainRows(self._tables))

    async def write(self, job: Callable[[Rows], T]) -> T:
        tables = copy.deepcopy(self._tables)
        answer = job(PlainRows(tables))
        self._tables = tables
        return answer


def _grouped(files: Iterable[File]) -> Mapping[str, Sequence[File]]:
    groups: dict[str, list[File]] = defaultdict(list)
    for file in files:
        groups[file.project].append(file)
    return dict(groups)
