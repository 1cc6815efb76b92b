"""Who gets which copy of a library: the host's (shared), one for the process (native), or the plugin's own (private).

Pure: `negotiate` looks at METADATA only and decides before any code runs (scope.md "Shared").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ShareKind = Literal["strict", "offered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedDistribution:
    """A distribution of the host's environment that scopes may use."""

    project: str
    """Normalised."""
    version: str
    kind: ShareKind
    tops: frozenset[str]
    requires: tuple[str, ...] = ()
    extras: frozenset[str] = frozenset()
    """What it provides (Provides-Extra)."""


HostShare = Mapping[str, SharedDistribution]
"""By normalised project name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where one distribution of a plugin's closure comes from, and why."""

    project: str
    version: str
    kind: Literal["shared", "native", "private"]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharing:
    """The decision for one site: what its scope sees."""

    placements: tuple[Placement, ...]
    shared_tops: frozenset[str]
    """Top-level names that are the host's objects."""
    native: Mapping[str, Path]
    """Top-level name → directory of the store, loaded once for the process under its natural name."""
    private: tuple[Path, ...]
    """Directories of the scope, the plugin's own first."""
