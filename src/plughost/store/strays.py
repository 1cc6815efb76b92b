"""One origin for a name: what the plugin's index has must come from there, also where the resolver knows no order of indexes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from plughost.errors import IntegrityMissing, NotAWheel, ResolutionFailed, WheelMisnamed
from plughost.model.specifier import newest
from plughost.store.resolve import Pinned, Question
from plughost.store.said import public
from plughost.wheel.name import WheelName, best, fits, parse_filename

_AT_ONCE = 8
_PYTHON = "{}.{}.{}".format(*sys.version_info)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of a project's page."""

    filename: str
    url: str
    sha256: str | None
    requires_python: str | None
    yanked: bool


Page = Callable[[str], Awaitable[Sequence[Listed] | None]]
"""A project's files, by the address of its page; None where the index has no such project, SourceUnreachable on any other failure."""


async def strays(question: Question, found: Collection[Pinned], asked: Iterable[str], page: Page) -> Mapping[str, Listed]:
    """Project → the wheel of the plugin's index that it should be, for each that came from elsewhere though the index has it.

    `asked`: every requirement of the outcome. Raises ResolutionFailed where the index has the project, and nothing that fits.
    """
    if question.repository is None:
        return {}
    gate, index = asyncio.Semaphore(_AT_ONCE), question.repository

    async def listed(pinned: Pinned) -> Sequence[Listed]:
        async with gate:
            return await page(urljoin(index, f"{pinned.project}/")) or ()

    pages = await asyncio.gather(*map(listed, found))
    requirements = [Requirement(text) for text in asked]
    return {
        pinned.project: _ours(question, pinned.project, files, requirements)
        for pinned, files in zip(found, pages, strict=True)
        if files and pinned.sha256 not in {file.sha256 for file in files}
    }


def _ours(question: Question, project: str, files: Sequence[Listed], asked: Iterable[Requirement]) -> Listed:
    wanted = SpecifierSet(",".join(str(r.specifier) for r in asked if canonicalize_name(r.name) == project and str(r.specifier)))
    usable = {name.filename: (name, file) for file in files if (name := _usable(file)) is not None}
    chosen = newest((Version(name.version) for name, _ in usable.values()), wanted)
    filename = best(name.filename for name, _ in usable.values() if Version(name.version) == chosen)
    if filename is None:
        index = public(question.index or "")
        raise ResolutionFailed(
            question.release,
            f"{project} is on {index}, but no release there fits {wanted or 'this interpreter'}; other indexes are not asked",
        )
    if usable[filename][1].sha256 is None:
        raise IntegrityMissing(filename)
    return usable[filename][1]


def _usable(file: Listed) -> WheelName | None:
    """The name of a wheel that may be chosen here."""
    try:
        name = parse_filename(file.filename)
        takes = SpecifierSet(file.requires_python or "").contains(_PYTHON)
    except (NotAWheel, WheelMisnamed, InvalidSpecifier):
        return None
    return name if takes and not file.yanked and fits(name) else None
