"""The index's rows in SQL: functions over one connection, in the caller's transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from packaging.utils import canonicalize_version

from plughost.errors import PluginNameTaken
from plughost.wheel import parse_filename
from plugin_index.choosing import chosen
from plugin_index.errors import FileExists, FileRespelled, PluginNotPublished
from plugin_index.nouns import Audit, Enabled, File

_FILE = tuple(File.__dataclass_fields__)
_ENABLED = tuple(Enabled.__dataclass_fields__)
_AUDIT = ("at", "by", "verb", "subject", "origin", "reason")


def files(connection: sqlite3.Connection, where: str, *values: str) -> tuple[File, ...]:
    """The files for which the condition holds, newest version first."""
    rows = connection.execute(f"SELECT {', '.join(_FILE)} FROM files WHERE {where}", values).fetchall()  # noqa: S608 - our own names
    found = [dict(zip(_FILE, row, strict=True)) for row in rows]
    made = [File(**{**row, "plugins": json.loads(row["plugins"])}) for row in found]
    return tuple(sorted(made, key=lambda file: (file.number, file.filename), reverse=True))


def of_project(connection: sqlite3.Connection, project: str) -> tuple[File, ...]:
    """A project's files, newest version first."""
    return files(connection, "project = ?", project)


def of_projects(connection: sqlite3.Connection, projects: Iterable[str]) -> Mapping[str, Sequence[File]]:
    """Project → its files."""
    return _grouped(files(connection, "project IN (SELECT value FROM json_each(?))", json.dumps(list(projects))))


def of_releases(connection: sqlite3.Connection, releases: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[File]]:
    """Project → the files of one version or several, for each (project, version)."""
    keys = json.dumps([[project, canonicalize_version(version)] for project, version in releases])
    query = "(project, release) IN (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
    return _grouped(files(connection, query, keys))


def _grouped(found: Iterable[File]) -> Mapping[str, Sequence[File]]:
    groups: dict[str, list[File]] = {}
    for file in found:
        groups.setdefault(file.project, []).append(file)
    return groups


def insert(connection: sqlite3.Connection, file: File, metadata: bytes) -> bool:
    """A new row; False where the same bytes have the name already. Raises FileExists, FileRespelled or PluginNameTaken."""
    known = connection.execute("SELECT sha256 FROM files WHERE filename = ?", (file.filename,)).fetchone()
    if known is not None:
        if known[0] == file.sha256:
            return False
        raise FileExists(file.filename)
    _refuse_respelled(connection, file)
    for plugin in file.plugins:
        connection.execute("INSERT OR IGNORE INTO plugins VALUES (?, ?)", (plugin, file.project))
        if (owner := project_of(connection, plugin)) != file.project:
            raise PluginNameTaken(plugin, owner=owner, project=file.project)
    values = {name: getattr(file, name) for name in _FILE}
    values |= {"release": canonicalize_version(file.version), "plugins": json.dumps(dict(file.plugins)), "metadata": metadata}
    connection.execute(f"INSERT INTO files ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})", values)  # noqa: S608 - our own names
    return True


def _refuse_respelled(connection: sqlite3.Connection, file: File) -> None:
    """Two wheels of which installers may take either (1.0 and 1.0.0, one tag) would be two releases under one number."""
    name = parse_filename(file.filename)
    query = "SELECT filename FROM files WHERE project = ? AND release = ?"
    for (present,) in connection.execute(query, (file.project, canonicalize_version(file.version))).fetchall():
        other = parse_filename(present)
        if (other.build, other.tags) == (name.build, name.tags):
            raise FileRespelled(file.filename, present=present)


def owners(connection: sqlite3.Connection, after: str, limit: int) -> Mapping[str, str]:
    """Plugin → the project that it belongs to, by name."""
    query = "SELECT name, project FROM plugins WHERE name > ? ORDER BY name LIMIT ?"
    return dict(connection.execute(query, (after, limit)).fetchall())


def project_of(connection: sqlite3.Connection, plugin: str) -> str:
    """The project that a plugin belongs to; raises PluginNotPublished."""
    row = connection.execute("SELECT project FROM plugins WHERE name = ?", (plugin,)).fetchone()
    if row is None:
        raise PluginNotPublished(plugin)
    return str(row[0])


def enabled(connection: sqlite3.Connection) -> Mapping[str, Enabled]:
    """What should run, by plugin."""
    rows = connection.execute(f"SELECT {', '.join(_ENABLED)} FROM enabled ORDER BY plugin").fetchall()  # noqa: S608 - our own names
    return {row[0]: Enabled(**dict(zip(_ENABLED, row, strict=True))) for row in rows}


def set_enabled(connection: sqlite3.Connection, entry: Enabled) -> None:
    """It should run, instead of what was said before."""
    connection.execute("DELETE FROM enabled WHERE plugin = ?", (entry.plugin,))
    values = {name: getattr(entry, name) for name in _ENABLED}
    connection.execute(f"INSERT INTO enabled ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})", values)  # noqa: S608 - our own names


def follow(connection: sqlite3.Connection, project: str) -> None:
    """Choose anew for the project's enabled plugins; what was chosen stays where nothing else can be chosen."""
    query = "SELECT e.plugin, e.specifier FROM enabled e JOIN plugins p ON p.name = e.plugin WHERE p.project = ?"
    following = connection.execute(query, (project,)).fetchall()
    present = of_project(connection, project) if following else ()
    for plugin, specifier in following:
        if version := chosen(plugin, present, specifier):
            connection.execute("UPDATE enabled SET version = ? WHERE plugin = ?", (version, plugin))


def add_audit(connection: sqlite3.Connection, row: Audit) -> None:
    """One more row."""
    values = [getattr(row, name) for name in _AUDIT]
    connection.execute(f"INSERT INTO audit ({', '.join(_AUDIT)}) VALUES (?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - our own names


def audit(connection: sqlite3.Connection, limit: int, before: int | None) -> tuple[Audit, ...]:
    """The newest rows, older than the id `before`."""
    query = f"SELECT id, {', '.join(_AUDIT)} FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?"  # noqa: S608 - our own names
    rows = connection.execute(query, (before or 1 << 62, limit)).fetchall()
    return tuple(Audit(**dict(zip(("id", *_AUDIT), row, strict=True))) for row in rows)
