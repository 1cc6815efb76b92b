"""The index's rows in SQL, over one connection, in the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from packaging.utils import canonicalize_version

from plugin_index.nouns import Audit, Enabled, File, Mirror, Offer, Revocation, Token

_STORED = tuple(name for name in File.__dataclass_fields__ if name != "revoked")
_FILE = (*(f"files.{name}" for name in _STORED), "revoked.reason")
_FILES = f"SELECT {', '.join(_FILE)} FROM files LEFT JOIN revoked USING (sha256)"  # noqa: S608 - our own names
_ENABLED = tuple(Enabled.__dataclass_fields__)
_REVOKED = tuple(Revocation.__dataclass_fields__)
_MIRROR = tuple(Mirror.__dataclass_fields__)
_OFFER = tuple(Offer.__dataclass_fields__)
_TOKEN = tuple(Token.__dataclass_fields__)
_AUDIT = tuple(name for name in Audit.__dataclass_fields__ if name != "id")


class SqliteRows:
    """`Rows` over one connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def projects(self) -> tuple[str, ...]:
        """As `Rows` says."""
        return tuple(row[0] for row in self._connection.execute("SELECT DISTINCT project FROM files ORDER BY project"))

    def file(self, filename: str) -> File | None:
        """As `Rows` says."""
        return next(iter(self._files("filename = ?", filename)), None)

    def of_project(self, project: str) -> tuple[File, ...]:
        """As `Rows` says."""
        return self._files("project = ?", project)

    def of_projects(self, projects: Iterable[str]) -> Mapping[str, Sequence[File]]:
        """As `Rows` says."""
        return _grouped(self._files("project IN (SELECT value FROM json_each(?))", json.dumps(list(projects))))

    def of_releases(self, releases: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[File]]:
        """As `Rows` says."""
        keys = json.dumps([[project, canonicalize_version(version)] for project, version in releases])
        query = "(project, release) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
        return _grouped(self._files(query, keys))

    def of_sha256(self, sha256: str) -> tuple[File, ...]:
        """As `Rows` says."""
        return self._files("files.sha256 = ?", sha256)

    def add(self, file: File, metadata: bytes) -> None:
        """As `Rows` says."""
        values = {name: getattr(file, name) for name in _STORED}
        self._insert("files", values | {"release": canonicalize_version(file.version), "plugins": json.dumps(dict(file.plugins))})
        self._insert("metadata", {"filename": file.filename, "text": metadata})

    def mark(self, file: File) -> None:
        """As `Rows` says."""
        query = "UPDATE files SET yanked = ?, quarantined = ?, removed = ? WHERE filename = ?"
        self._connection.execute(query, (file.yanked, file.quarantined, file.removed, file.filename))

    def metadata(self, filename: str) -> bytes:
        """As `Rows` says."""
        return bytes(self._connection.execute("SELECT text FROM metadata WHERE filename = ?", (filename,)).fetchone()[0])

    def files(self) -> Iterator[File]:
        """As `Rows` says."""
        for row in self._connection.execute(_FILES):
            yield _file(row)

    def totals(self) -> tuple[int, int]:
        """As `Rows` says."""
        count, size = self._connection.execute("SELECT count(*), coalesce(sum(size), 0) FROM files WHERE removed IS NULL").fetchone()
        return int(count), int(size)

    def owner(self, plugin: str) -> str | None:
        """As `Rows` says."""
        row = self._connection.execute("SELECT project FROM plugins WHERE name = ?", (plugin,)).fetchone()
        return None if row is None else str(row[0])

    def claim(self, plugin: str, project: str) -> None:
        """As `Rows` says."""
        self._connection.execute("INSERT OR IGNORE INTO plugins VALUES (?, ?)", (plugin, project))

    def owners(self, after: str, limit: int) -> Mapping[str, str]:
        """As `Rows` says."""
        query = "SELECT name, project FROM plugins WHERE name > ? ORDER BY name LIMIT ?"
        return dict(self._connection.execute(query, (after, limit)).fetchall())

    def enabled(self) -> Mapping[str, Enabled]:
        """As `Rows` says."""
        return {row["plugin"]: Enabled(**row) for row in self._select("enabled", _ENABLED, "ORDER BY plugin")}

    def enable(self, entry: Enabled) -> None:
        """As `Rows` says."""
        self._insert("enabled", {name: getattr(entry, name) for name in _ENABLED}, instead=True)

    def disable(self, plugin: str) -> None:
        """As `Rows` says."""
        self._connection.execute("DELETE FROM enabled WHERE plugin = ?", (plugin,))

    def revoked(self) -> tuple[Revocation, ...]:
        """As `Rows` says."""
        return tuple(Revocation(**row) for row in self._select("revoked", _REVOKED, "ORDER BY at DESC, sha256"))

    def revoke(self, revocation: Revocation) -> None:
        """As `Rows` says."""
        values = [getattr(revocation, name) for name in _REVOKED]
        self._connection.execute(f"INSERT OR IGNORE INTO revoked ({', '.join(_REVOKED)}) VALUES (?, ?, ?, ?)", values)  # noqa: S608 - our own names

    def mirror(self, project: str) -> Mirror | None:
        """As `Rows` says."""
        return next((Mirror(**row) for row in self._select("mirrored", _MIRROR, "WHERE project = ?", project)), None)

    def put_mirror(self, mirror: Mirror, offers: Sequence[Offer]) -> None:
        """As `Rows` says."""
        self.drop_mirror(mirror.project)
        self._insert("mirrored", {name: getattr(mirror, name) for name in _MIRROR})
        for place, offer in enumerate(offers):
            self._insert("offers", {name: getattr(offer, name) for name in _OFFER} | {"place": place})

    def drop_mirror(self, project: str) -> None:
        """As `Rows` says."""
        for table in ("mirrored", "offers"):
            self._connection.execute(f"DELETE FROM {table} WHERE project = ?", (project,))  # noqa: S608 - our own names

    def offers(self, project: str) -> tuple[Offer, ...]:
        """As `Rows` says."""
        return tuple(Offer(**row) for row in self._select("offers", _OFFER, "WHERE project = ? ORDER BY place", project))

    def offer(self, filename: str) -> Offer | None:
        """As `Rows` says."""
        return next((Offer(**row) for row in self._select("offers", _OFFER, "WHERE filename = ?", filename)), None)

    def is_offered(self, sha256: str) -> bool:
        """As `Rows` says."""
        return bool(self._select("offers", ("filename",), "WHERE sha256 = ? OR metadata_sha256 = ? LIMIT 1", sha256, sha256))

    def tokens(self) -> tuple[Token, ...]:
        """As `Rows` says."""
        return tuple(map(_token, self._select("tokens", _TOKEN, "ORDER BY created DESC, id")))

    def token(self, identifier: str) -> Token | None:
        """As `Rows` says."""
        return next(map(_token, self._select("tokens", _TOKEN, "WHERE id = ?", identifier)), None)

    def token_of(self, digest: str) -> Token | None:
        """As `Rows` says."""
        return next(map(_token, self._select("tokens", _TOKEN, "WHERE hash = ?", digest)), None)

    def put_token(self, token: Token) -> None:
        """As `Rows` says."""
        values = {name: getattr(token, name) for name in _TOKEN}
        listed = {"actions": json.dumps(token.actions), "projects": json.dumps(token.projects)}
        self._insert("tokens", values | listed, instead=True)

    def delete_token(self, identifier: str) -> None:
        """As `Rows` says."""
        self._connection.execute("DELETE FROM tokens WHERE id = ?", (identifier,))

    def add_audit(self, row: Audit) -> None:
        """As `Rows` says."""
        self._insert("audit", {name: getattr(row, name) for name in _AUDIT})

    def audit(self, limit: int, before: int | None) -> tuple[Audit, ...]:
        """As `Rows` says."""
        rows = self._select("audit", ("id", *_AUDIT), "WHERE id < ? ORDER BY id DESC LIMIT ?", before or 1 << 62, limit)
        return tuple(Audit(**row) for row in rows)

    def _files(self, where: str, *values: str) -> tuple[File, ...]:
        found = map(_file, self._connection.execute(f"{_FILES} WHERE {where}", values).fetchall())
        return tuple(sorted(found, key=lambda file: (file.number, file.filename), reverse=True))

    def _select(self, table: str, columns: Sequence[str], rest: str, *values: object) -> list[dict[str, Any]]:
        rows = self._connection.execute(f"SELECT {', '.join(columns)} FROM {table} {rest}", values).fetchall()  # noqa: S608 - our own names
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def _insert(self, table: str, values: Mapping[str, object], *, instead: bool = False) -> None:
        verb, names = "INSERT OR REPLACE" if instead else "INSERT", ", ".join(values)
        self._connection.execute(f"{verb} INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", values)


def _file(row: Sequence[Any]) -> File:
    values = dict(zip((*_STORED, "revoked"), row, strict=True))
    return File(**{**values, "plugins": json.loads(values["plugins"])})


def _token(row: Mapping[str, Any]) -> Token:
    return Token(**{**row, "actions": tuple(json.loads(row["actions"])), "projects": tuple(json.loads(row["projects"]))})


def _grouped(found: Iterable[File]) -> Mapping[str, Sequence[File]]:
    groups: dict[str, list[File]] = {}
    for file in found:
        groups.setdefault(file.project, []).append(file)
    return groups
