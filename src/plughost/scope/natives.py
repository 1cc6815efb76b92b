"""Distributions with extension modules: once for the process, under their natural names, never unloaded.

An extension module cannot stand in a process twice, so what has some, and all it requires, is admitted here when the first scope
that needs it opens, and stays. Our finder answers for exactly the names admitted; no directory of the store is ever on `sys.path`.
What the host's own environment has, in whatever version, is the host's: it is never admitted, and importing it finds the host's.
A name is a whole package or module: of a namespace (`google`) it is what stands in it (`google.protobuf`), so that a private
`google.api_core` may live beside it.
"""

from __future__ import annotations

import importlib.machinery
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import FileFinder, ModuleSpec, PathFinder
from pathlib import Path

from packaging.utils import canonicalize_name

from plughost.errors import NativeConflict

_SUFFIXES = tuple(importlib.machinery.all_suffixes())


@dataclass(frozen=True, slots=True)
class _Native:
    project: str
    version: str
    directory: Path


_admitted: dict[str, _Native] = {}
"""By importable name, dotted where it stands in a namespace."""
_lock = threading.Lock()


def loaded_natives() -> Mapping[str, str]:
    """What stands in this process under natural names: project → version, the host's environment first."""
    return {native.project: native.version for native in list(_admitted.values())} | installed()


def admit(native: Mapping[str, Path]) -> frozenset[str]:
    """Make these (top-level name → directory) importable for the whole process, and return their names.

    Raises NativeConflict where another version stands already; nothing is admitted then.
    """
    wanted = {name: _identify(directory) for top, directory in native.items() for name in _names(top, directory)}
    with _lock:
        present = {native.project: native.version for native in _admitted.values()}
        for one in wanted.values():
            if (loaded := present.get(one.project, one.version)) != one.version:
                raise NativeConflict(one.project, wanted=one.version, loaded=loaded)
        _admitted.update({name: one for name, one in wanted.items() if one.project not in present and one.project not in installed()})
    return frozenset(wanted)


def directories(projects: frozenset[str]) -> list[str]:
    """Where the metadata of those of the projects is that were admitted."""
    return sorted({str(native.directory) for native in list(_admitted.values()) if native.project in projects})


def find(name: str) -> ModuleSpec | None:
    """The spec of an admitted name, or of a namespace above one that nobody else has."""
    if (native := _admitted.get(name)) is not None:
        parent = name.rpartition(".")[0].replace(".", os.sep)
        return _file_finder(str(native.directory / parent)).find_spec(name)
    if name in _namespaces() and PathFinder.find_spec(name) is None:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(n.directory / name.replace(".", os.sep)) for n in _below(name)]
        return spec
    return None


@cache
def _installed() -> Mapping[str, str]:
    return dict(_found_on(tuple(sys.path)))


def installed() -> Mapping[str, str]:
    """The host's own environment, by the names of its `.dist-info` directories: project → version."""
    return _installed()


def _found_on(path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for directory in reversed(path):  # the first one on the path wins
        for info in Path(directory).glob("*.dist-info") if os.path.isdir(directory) else ():
            project, _, version = info.name.removesuffix(".dist-info").partition("-")
            yield canonicalize_name(project), version


def _identify(directory: Path) -> _Native:
    for info in directory.glob("*.dist-info"):
        project, _, version = info.name.removesuffix(".dist-info").partition("-")
        return _Native(canonicalize_name(project), version, directory)
    return _Native(directory.name, "", directory)


def _names(top: str, directory: Path) -> Iterator[str]:
    """The name itself, or where it is a namespace the names in it."""
    folder = directory / top.replace(".", os.sep)
    if not folder.is_dir() or any((folder / f"__init__{suffix}").exists() for suffix in _SUFFIXES):
        yield top
        return
    for entry in folder.iterdir():
        stem = entry.name.partition(".")[0]
        if stem.isidentifier() and (entry.is_dir() or entry.name.endswith(_SUFFIXES)):
            yield from _names(f"{top}.{stem}", directory)


def _namespaces() -> frozenset[str]:
    return frozenset(".".join(name.split(".")[:n]) for name in list(_admitted) for n in range(1, name.count(".") + 1))


def _below(namespace: str) -> list[_Native]:
    return [native for name, native in list(_admitted.items()) if name.startswith(f"{namespace}.")]


@cache
def _file_finder(directory: str) -> FileFinder:
    machinery = importlib.machinery
    return FileFinder(
        directory,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )
