"""What a source is: something that says which plugins should run, answers installs by name, or both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from plughost.errors import SourceInvalid
from plughost.model.plugin import Listing
from plughost.model.revocation import Reasons

Kind = Literal["list", "simple", "folder"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProblem:
    """An entry that cannot be taken, and why; what the source listed under this name before stays."""

    name: str
    """The plugin's name; where the entry tells none, what a person would find it by."""
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a source lists now: the entries that are right, and those that are not."""

    listings: tuple[Listing, ...]
    problems: tuple[EntryProblem, ...] = ()
    etag: str | None = None


def taken(source: str, listings: Iterable[Listing], problems: Mapping[str, str]) -> Answer:
    """The answer of a source; raises SourceInvalid where there are entries and none is right: then nothing may change."""
    good = tuple(listings)
    if problems and not good:
        name, problem = next(iter(problems.items()))
        raise SourceInvalid(source, f"none of its entries is right: {name}: {problem}")
    return Answer(listings=good, problems=tuple(EntryProblem(name=name, problem=problem) for name, problem in problems.items()))


class Source(Protocol):
    """One configured source."""

    @property
    def url(self) -> str:
        """Its name, as the operator configured it."""
        ...

    @property
    def kind(self) -> Kind:
        """What it is."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """Globs over the plugin names for which it may speak; it is deaf to the others."""
        ...

    @property
    def index(self) -> str | None:
        """Its PEP 691 base URL, or the folder as `file:` URL, where it has one."""
        ...

    async def poll(self) -> Answer | None:
        """What it lists now, None where that is what it said last; raises CatalogError, and then nothing is known."""
        ...

    async def revoked(self) -> Reasons | None:
        """All that it has revoked, None where that is what it said last or it publishes nothing; raises CatalogError as `poll`.

        Asked after `poll`, so that it is never older than the list.
        """
        ...

    def changes(self) -> AsyncIterator[None]:
        """Yields whenever the list may have changed; ends where nothing tells of changes, raises CatalogError where it stopped telling."""
        ...

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        """The best release of the plugin that it has and this interpreter can run.

        `project`: the distribution that carries it, where known. `specifier`: PEP 440, a bare version means that one, empty or None any.
        Raises PluginUnknown, ProjectUnknown, ReleaseUnknown, RequestInvalid or CatalogError.
        """
        ...


def speaks_for(names: Iterable[str], plugin: str) -> bool:
    """Whether one of the globs matches the plugin's name."""
    return any(fnmatchcase(plugin, glob) for glob in names)
