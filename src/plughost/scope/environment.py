"""The environment that the host runs in: which distributions are installed beside it, by their `.dist-info` directories."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from packaging.utils import canonicalize_name


@cache
def infos() -> Mapping[str, Path]:
    """Normalised project → its `.dist-info`, as it was when this was first asked."""
    return {project_and_version(info)[0]: info for info in _infos_on(sys.path)}


@cache
def versions() -> Mapping[str, str]:
    """Normalised project → its version."""
    return {project: project_and_version(info)[1] for project, info in infos().items()}


def project_and_version(info: Path) -> tuple[str, str]:
    """What the name of a `.dist-info` directory says (the recording standard: project, one hyphen, version)."""
    project, _, version = info.name.removesuffix(".dist-info").rpartition("-")
    return canonicalize_name(project), version


def _infos_on(path: list[str]) -> Iterator[Path]:
    for directory in reversed(path):  # the first one on the path wins
        yield from Path(directory).glob("*.dist-info")
