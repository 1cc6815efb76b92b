"""Which release is meant: pure functions over a project's files."""

from __future__ import annotations

from collections.abc import Sequence

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from plughost.errors import ReleaseUnknown, RequestInvalid
from plugin_index.nouns import File


def chosen(plugin: str, files: Sequence[File], specifier: str) -> str | None:
    """The newest version that carries the plugin, fits and is not yanked; None where there is none."""
    present = {file.number: file.version for file in files if plugin in file.plugins and file.choosable}
    fitting = list(parsed(specifier).filter(present))
    return present[max(fitting)] if fitting else None


def demanded(plugin: str, files: Sequence[File], specifier: str) -> str:
    """The version that `chosen` tells; raises ReleaseUnknown where nothing fits, RequestInvalid where it is no specifier."""
    version = chosen(plugin, files, specifier)
    if version is None:
        present = {file.number: file.version for file in files if plugin in file.plugins and file.choosable}
        raise ReleaseUnknown(plugin, asked=specifier, present=[present[number] for number in sorted(present)])
    return version


def wheels(plugin: str, files: Sequence[File], version: str) -> tuple[File, ...]:
    """The files of a release that carry the plugin and are offered, without the yanked ones unless there are no others."""
    number = Version(version)
    carrying = [file for file in files if file.number == number and plugin in file.plugins and file.offered]
    carrying.sort(key=lambda file: file.filename)
    return tuple(file for file in carrying if file.yanked is None) or tuple(carrying)


def parsed(specifier: str) -> SpecifierSet:
    """The specifier (PEP 440); a bare version means that one. Raises RequestInvalid."""
    try:
        Version(specifier)
    except InvalidVersion:
        pass
    else:
        return SpecifierSet(f"=={specifier}", prereleases=True)
    try:
        return SpecifierSet(specifier)
    except InvalidSpecifier:
        raise RequestInvalid(f"{specifier!r} is neither a version nor a specifier like '>=1,<2'") from None
