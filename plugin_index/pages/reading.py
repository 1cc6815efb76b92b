"""What a page needs of the shelf, each time at one moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from plugin_index.nouns import Enabled, File
from plugin_index.pages.facts import Dependency, Facts, facts
from plugin_index.pages.views import Release, described, references, releases
from plugin_index.storage import Rows

EVERY = 1 << 31
"""More plugins than there are."""
Sees = Callable[[str], bool]
"""Whether the reader may know of a project."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A plugin of a project."""

    name: str
    reference: str
    enabled: Enabled | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """All that a project's page shows but its README."""

    name: str
    speaker: File | None
    """The file that says the rest; None: nobody may have any of them."""
    facts: Facts | None
    """As the speaker's METADATA says."""
    plugins: Sequence[Shown]
    releases: Sequence[Release]
    here: frozenset[Dependency]
    """The dependencies whose projects are on this index."""


def plain(rows: Rows, limit: int, sees: Sees) -> Sequence[str]:
    """The first projects by name that have no plugin."""
    owners = frozenset(rows.owners("", EVERY).values())
    return [name for name in rows.projects() if name not in owners and sees(name)][:limit]


def project(rows: Rows, name: str, sees: Sees) -> Project | None:
    """The project (normalised); None where it never had a file."""
    files = rows.of_project(name)
    if not files:
        return None
    speaker = described(files)
    said = facts(rows.metadata(speaker.filename)) if speaker else None
    enabled, present = rows.enabled(), frozenset(filter(sees, rows.projects()))
    plugins = references(files, speaker).items()
    return Project(
        name=name,
        speaker=speaker,
        facts=said,
        plugins=[Shown(name=plugin, reference=reference, enabled=enabled.get(plugin)) for plugin, reference in plugins],
        releases=releases(files),
        here=frozenset(dependency for dependency in (said.dependencies if said else ()) if dependency.project in present),
    )
