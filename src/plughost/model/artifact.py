"""What the store hands out: verified wheels on disk, and the site that makes one release importable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredWheel:
    """One wheel, unpacked and verified, in its directory of the content-addressed store."""

    project: str
    """Normalised (PEP 503)."""
    version: str
    sha256: str
    path: Path
    tops: tuple[str, ...]
    """Its top-level import names."""
    native: bool
    """Whether it has extension modules."""
    requires: tuple[str, ...] = ()
    """Requires-Dist, as METADATA says it."""
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    """Group → name → object reference."""
    left_out: tuple[str, ...] = ()
    """Files of the archive that were not unpacked, since nothing of ours would execute them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What makes one release importable: its wheel first, then its private dependencies; leased while in use."""

    wheels: tuple[StoredWheel, ...]
    left_out: tuple[str, ...] = ()
    """Files of the plugin's wheel that were not unpacked, and why that is right (trust.md)."""

    @property
    def own(self) -> StoredWheel:
        """The plugin's own wheel."""
        return self.wheels[0]

    @property
    def digests(self) -> frozenset[str]:
        """What a lease on this site keeps on disk."""
        return frozenset(wheel.sha256 for wheel in self.wheels)

    @property
    def contains(self) -> Mapping[str, str]:
        """The sha256 of each of its wheels → its project and version, for people."""
        return {wheel.sha256: f"{wheel.project} {wheel.version}" for wheel in self.wheels}
