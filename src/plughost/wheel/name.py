"""What a wheel's file name says (PEP 427), and whether such a wheel fits this interpreter (PEP 425)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.tags import Tag, sys_tags
from packaging.utils import BuildTag, InvalidWheelFilename, parse_wheel_filename

from plughost.errors import NotAWheel, WheelMisnamed

# The longest name that every file system takes, and nothing in it that a path, a URL or a log could read otherwise.
_LONGEST = 255
_PLAIN = re.compile(r"[A-Za-z0-9_.!+-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelName:
    """The parts of a wheel's file name."""

    filename: str
    project: str
    """Normalised (PEP 503)."""
    version: str
    """Canonical (PEP 440)."""
    build: BuildTag
    tags: frozenset[Tag]


def parse_filename(filename: str) -> WheelName:
    """The parts of a wheel's file name; NotAWheel for another kind of file, WheelMisnamed for a name that breaks PEP 427."""
    if not filename.endswith(".whl"):
        raise NotAWheel(repr(filename), "its name does not end with .whl")
    if len(filename) > _LONGEST or not _PLAIN.fullmatch(filename):
        raise WheelMisnamed(repr(filename[:_LONGEST]), "a wheel's name has at most 255 letters, digits and _ . - + !")
    try:
        project, version, build, tags = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        raise WheelMisnamed(filename, "the name is not PROJECT-VERSION[-BUILD]-PYTHON-ABI-PLATFORM.whl") from error
    return WheelName(filename=filename, project=project, version=str(version), build=build, tags=tags)


def fits(name: WheelName) -> bool:
    """Whether this interpreter takes a wheel of that name."""
    return not name.tags.isdisjoint(_ranks())


def best(filenames: Iterable[str]) -> str | None:
    """The name whose tag fits this interpreter best, the highest build number among equals; None where none fits."""
    ranked = [(rank, name.build, name.filename) for name in _wheels(filenames) if (rank := _rank(name)) is not None]
    if not ranked:
        return None
    closest = min(rank for rank, _, _ in ranked)
    return max((build, filename) for rank, build, filename in ranked if rank == closest)[1]


def _wheels(filenames: Iterable[str]) -> list[WheelName]:
    found = []
    for filename in filenames:
        try:
            found.append(parse_filename(filename))
        except (NotAWheel, WheelMisnamed):
            # An index lists source archives and old names beside wheels.
            continue
    return found


def _rank(name: WheelName) -> int | None:
    ranks = _ranks()
    return min((ranks[tag] for tag in name.tags if tag in ranks), default=None)


@functools.cache
def _ranks() -> Mapping[Tag, int]:
    return {tag: rank for rank, tag in enumerate(sys_tags())}
