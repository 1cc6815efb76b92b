"""What the index speaks of, as frozen values; times in seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Literal

from packaging.version import Version

Action = Literal["upload", "manage", "read", "admin"]
ACTIONS: tuple[Action, ...] = ("upload", "manage", "read", "admin")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One wheel on the shelf. Reasons are texts; None: it is not so."""

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
    quarantined: str | None = None
    removed: float | None = None
    """When; its bytes are collected later, its row stays for ever."""
    revoked: str | None = None

    @property
    def number(self) -> Version:
        """The version, for comparing."""
        return Version(self.version)

    @property
    def offered(self) -> bool:
        """Whether anybody may have it; a yanked file is offered to who asks for exactly its version."""
        return self.quarantined is None and self.removed is None and self.revoked is None

    @property
    def choosable(self) -> bool:
        """Whether it may be newly chosen."""
        return self.offered and self.yanked is None


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
class Revocation:
    """That no host may run what contains these bytes, whoever offers them."""

    sha256: str
    reason: str
    by: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """That a registry answered for a project, which has no file of its own here."""

    project: str
    registry: str
    """Its URL, without credentials."""
    etag: str
    """What it wants to hear when it is asked again; empty: nothing."""
    digest: str
    """The sha256 of its page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One file as the registry's page says it is; None: the page does not say."""

    filename: str
    project: str
    version: str
    sha256: str
    url: str
    size: int | None
    uploaded: str | None
    """RFC 3339, UTC."""
    requires_python: str | None
    yanked: str | None
    """The reason; None: not yanked."""
    metadata_sha256: str | None
    """Of its METADATA, where the registry hands that out."""


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
        """Whether it allows the action, for that project (None: for some); admin allows everything."""
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


def instant(seconds: float) -> str:
    """The moment as RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
