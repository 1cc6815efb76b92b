"""What the index speaks of, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal

from packaging.version import Version

Action = Literal["upload", "manage", "read", "admin"]
ACTIONS: tuple[Action, ...] = ("upload", "manage", "read", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One wheel on the shelf; times in seconds since the epoch."""

    filename: str
    project: str
    version: str
    sha256: str
    size: int
    uploaded: float
    uploader: str
    requires_python: str | None
    metadata_sha256: str
    summary: str
    plugins: Mapping[str, str]
    yanked: str | None = None
    """The reason; None: not yanked."""

    @property
    def number(self) -> Version:
        """The version, for comparing."""
        return Version(self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enabled:
    """That a plugin should run on every host that follows, and in which version."""

    plugin: str
    specifier: str
    """What was asked for; empty: the newest that is not yanked."""
    version: str
    """What was chosen of it; it stays when all that fits is yanked."""
    by: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Who may do what, for which projects (globs)."""

    id: str
    name: str
    actions: tuple[Action, ...]
    projects: tuple[str, ...]
    created: float
    expires: float | None = None
    used: float | None = None
    hash: str = field(default="", repr=False)

    def may(self, action: Action, project: str | None = None) -> bool:
        """Whether it allows the action, for that project; admin allows everything."""
        if "admin" in self.actions:
            return True
        return action in self.actions and (project is None or any(fnmatchcase(project, glob) for glob in self.projects))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Who did what, when, from where, why."""

    at: float
    by: str
    verb: str
    subject: str
    origin: str = ""
    reason: str = ""
    id: int = 0
