"""The index's values as the JSON of its API."""

from __future__ import annotations

from collections.abc import Sequence

from plugin_index.api.desk import Json
from plugin_index.nouns import File, Token, instant
from plugin_index.shelf import Plugin


def plugin_shape(plugin: Plugin) -> Json:
    """A plugin, its releases, and what is enabled."""
    carrying = [file for file in plugin.files if plugin.name in file.plugins]
    enabled = plugin.enabled
    return {
        "name": plugin.name,
        "project": plugin.project,
        "releases": release_shapes(carrying),
        "enabled": enabled
        and {
            "specifier": enabled.specifier,
            "version": enabled.version,
            "by": enabled.by,
            "at": instant(enabled.at),
            "reason": enabled.reason,
        },
    }


def release_shapes(files: Sequence[File]) -> list[Json]:
    """The files by version, in the order of the files."""
    versions = dict.fromkeys(file.version for file in files)
    return [{"version": version, "files": [_file(file) for file in files if file.version == version]} for version in versions]


def token_shape(token: Token) -> Json:
    """A token without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "actions": list(token.actions),
        "projects": list(token.projects),
        "created": instant(token.created),
        "expires": token.expires and instant(token.expires),
        "used": token.used and instant(token.used),
    }


def _file(file: File) -> Json:
    return {
        "filename": file.filename,
        "sha256": file.sha256,
        "size": file.size,
        "uploaded": instant(file.uploaded),
        "uploader": file.uploader,
        "requires_python": file.requires_python,
        "entry_points": dict(file.plugins),
        "yanked": file.yanked,
        "quarantined": file.quarantined,
        "removed": file.removed and instant(file.removed),
        "revoked": file.revoked,
    }
