"""Which plugins a wheel on this disk carries: a look at its METADATA and entry points, without trust or unpacking."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from plughost.catalog.here import python_fits
from plughost.errors import NotAWheel
from plughost.wheel.digest import hash_file
from plughost.wheel.metadata import parse_entry_points, parse_metadata
from plughost.wheel.name import fits, parse_filename
from plughost.wheel.plugins import GROUP

_CAP = 1024 * 1024
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, KeyError, OverflowError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """One wheel file and the plugins in it (name → entry point)."""

    path: Path
    project: str
    version: Version
    sha256: str
    fits: bool
    """Whether its tags and Requires-Python admit this interpreter."""
    plugins: Mapping[str, str]


def read(path: Path) -> Carried:
    """The wheel's facts; raises ArtifactError where it is none, OSError where it cannot be read."""
    name = parse_filename(path.name)
    try:
        with zipfile.ZipFile(path) as archive:
            plugins = parse_entry_points(_member(archive, "entry_points.txt").decode()).get(GROUP, {})
            metadata = parse_metadata(_member(archive, "METADATA"), path.name)
    except _BROKEN as error:
        raise NotAWheel(path.name, f"{type(error).__name__}: {error}") from None
    return Carried(
        path=path,
        project=name.project,
        version=Version(name.version),
        sha256=hash_file(path),
        fits=fits(name) and python_fits(metadata.requires_python),
        plugins=plugins,
    )


def _member(archive: zipfile.ZipFile, filename: str) -> bytes:
    """The bytes of a file of `.dist-info`, none where there is no such file; a bomb is cut off."""
    wanted = re.compile(rf"[^/]+\.dist-info/{re.escape(filename)}")
    for path in archive.namelist():
        if wanted.fullmatch(path):
            with archive.open(path) as file:
                return file.read(_CAP)
    return b""
