"""What changes of the shelf, each in one transaction with its audit row: uploads, and what operators do.

Plain functions over `Rows`. Each answers the project that it changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from packaging.version import Version

from plughost.errors import PluginNameTaken, ProjectUnknown, ReleaseUnknown
from plughost.wheel import parse_filename
from plugin_index.choosing import chosen, demanded
from plugin_index.errors import BytesRevoked, FileExists, FileRespelled, PluginNotPublished
from plugin_index.nouns import Audit, Enabled, File, Revocation
from plugin_index.storage import Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release of a project (normalised), or one file of it."""

    project: str
    version: Version
    filename: str | None = None


def publish(rows: Rows, file: File, metadata: bytes, origin: str) -> bool:
    """A new file; False where the same bytes have the name already.

    Raises BytesRevoked, FileExists, FileRespelled or PluginNameTaken.
    """
    _refuse_revoked(rows, file)
    known = rows.file(file.filename)
    if known is not None:
        if known.sha256 == file.sha256 and known.removed is None:
            return False
        raise FileExists(file.filename, removed=known.removed is not None)
    _refuse_respelled(rows, file)
    for plugin in file.plugins:
        rows.claim(plugin, file.project)
        if (owned := owner(rows, plugin)) != file.project:
            raise PluginNameTaken(plugin, owner=owned, project=file.project)
    rows.add(file, metadata)
    rows.drop_mirror(file.project)
    rows.add_audit(Audit(at=file.uploaded, by=file.uploader, verb="upload", subject=file.filename, origin=origin))
    _follow(rows, file.project)
    return True


def owner(rows: Rows, plugin: str) -> str:
    """The project that a plugin belongs to; raises PluginNotPublished."""
    project = rows.owner(plugin)
    if project is None:
        raise PluginNotPublished(plugin)
    return project


def enable(plugin: str, specifier: str, audit: Audit) -> Callable[[Rows], str]:
    """It should run from now on; raises PluginNotPublished, ReleaseUnknown or RequestInvalid."""

    def write(rows: Rows) -> str:
        project = owner(rows, plugin)
        version = demanded(plugin, rows.of_project(project), specifier)
        rows.enable(Enabled(plugin=plugin, specifier=specifier, version=version, by=audit.by, at=audit.at, reason=audit.reason))
        rows.add_audit(replace(audit, subject=f"{plugin} {specifier}".strip()))
        return project

    return write


def disable(plugin: str, audit: Audit) -> Callable[[Rows], str]:
    """It should run no more; raises PluginNotPublished."""

    def write(rows: Rows) -> str:
        project = owner(rows, plugin)
        rows.disable(plugin)
        rows.add_audit(audit)
        return project

    return write


def marked(meant: Release, mark: Callable[[File], File], audit: Audit) -> Callable[[Rows], str]:
    """Yank, quarantine or remove a release, or take it back; raises ProjectUnknown or ReleaseUnknown."""

    def write(rows: Rows) -> str:
        for file in _meant(meant, [file for file in rows.of_project(meant.project) if file.removed is None]):
            rows.mark(mark(file))
        rows.add_audit(audit)
        _follow(rows, meant.project)
        return meant.project

    return write


def revoked(meant: Release, audit: Audit) -> Callable[[Rows], str]:
    """No host may run the bytes of a release any more, under whatever name; raises ProjectUnknown or ReleaseUnknown."""

    def write(rows: Rows) -> str:
        for file in _meant(meant, rows.of_project(meant.project)):  # removed ones too: hosts may run them yet
            _revoke(rows, file.sha256, audit)
        rows.add_audit(audit)
        return ""

    return write


def revoked_bytes(sha256: str, audit: Audit) -> Callable[[Rows], str]:
    """No host may run these bytes, whether they are here or elsewhere."""

    def write(rows: Rows) -> str:
        _revoke(rows, sha256, audit)
        rows.add_audit(audit)
        return ""

    return write


def _revoke(rows: Rows, sha256: str, audit: Audit) -> None:
    rows.revoke(Revocation(sha256=sha256, reason=audit.reason, by=audit.by, at=audit.at))
    for file in rows.of_sha256(sha256):
        _follow(rows, file.project)


def _follow(rows: Rows, project: str) -> None:
    """Choose anew for the project's enabled plugins; what was chosen stays where nothing else can be chosen."""
    following = [entry for entry in rows.enabled().values() if rows.owner(entry.plugin) == project]
    present = rows.of_project(project) if following else ()
    for entry in following:
        if (version := chosen(entry.plugin, present, entry.specifier)) not in {None, entry.version}:
            rows.enable(replace(entry, version=version or entry.version))


def _refuse_revoked(rows: Rows, file: File) -> None:
    for revocation in rows.revoked():
        if revocation.sha256 == file.sha256:
            raise BytesRevoked(file.filename, sha256=file.sha256, reason=revocation.reason)


def _refuse_respelled(rows: Rows, file: File) -> None:
    """Two wheels of which installers may take either (1.0 and 1.0.0, one tag) would be two releases under one number."""
    name = parse_filename(file.filename)
    for present in rows.of_releases([(file.project, file.version)]).get(file.project, ()):
        other = parse_filename(present.filename)
        if (other.build, other.tags) == (name.build, name.tags):
            raise FileRespelled(file.filename, present=present.filename)


def _meant(release: Release, files: Sequence[File]) -> Sequence[File]:
    if not files:
        raise ProjectUnknown(release.project)
    meant = [file for file in files if file.number == release.version and release.filename in {None, file.filename}]
    if not meant:
        present = sorted({file.version for file in files})
        raise ReleaseUnknown(release.project, asked=release.filename or str(release.version), present=present)
    return meant
