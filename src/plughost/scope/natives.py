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
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import FileFinder, ModuleSpec, PathFinder
from pathlib import Path

from plughost.errors import NativeConflict
from plughost.model.sharing import Sharing, same_version
from plughost.scope import environment

_SUFFIXES = tuple(importlib.machinery.all_suffixes())


@dataclass(frozen=True, slots=True)
class _Native:
    project: str
    version: str
    directory: Path


_admitted: dict[str, _Native] = {}
"""By importable name, dotted where it stands in a namespace."""
_namespaces: set[str] = set()
"""What is above the dotted ones."""
_lock = threading.Lock()


def loaded_natives() -> Mapping[str, str]:
    """What stands in this process under natural names: project → version, the host's environment first."""
    return {native.project: native.version for native in list(_admitted.values())} | dict(environment.versions())


def admit(sharing: Sharing) -> frozenset[str]:
    """Make a scope's natives importable for the whole process, and return their names.

    Raises NativeConflict, and admits nothing, where another version stands by now than the one that was decided for.
    """
    tops = {top: directory for top, directory in sharing.native.items() if top.isidentifier()}
    names = {name: _identify(directory) for top, directory in tops.items() for name in _names(top, directory)}
    decided = {place.project: place.version for place in sharing.placements}
    with _lock:
        present = loaded_natives()
        for one in names.values():
            wanted = decided.get(one.project, one.version)
            if not same_version(loaded := present.get(one.project, wanted), wanted):
                raise NativeConflict(one.project, wanted=wanted, loaded=loaded)
        _admitted.update({name: one for name, one in names.items() if one.project not in present})
        _namespaces.update(parent for name in _admitted for parent in _parents(name))
    return frozenset(names)


def directories(projects: frozenset[str]) -> list[str]:
    """Where the metadata of those of the projects is that were admitted."""
    return sorted({str(native.directory) for native in list(_admitted.values()) if native.project in projects})


def find(name: str, path: Sequence[str] | None) -> ModuleSpec | None:
    """The spec of an admitted name, or of a namespace above one that nobody else has."""
    if (native := _admitted.get(name)) is not None:
        parent = name.rpartition(".")[0].replace(".", os.sep)
        return _file_finder(str(native.directory / parent)).find_spec(name)
    if name in _namespaces and PathFinder.find_spec(name, path) is None:
        return ModuleSpec(name, None, is_package=True)
    return None


def _identify(directory: Path) -> _Native:
    for info in directory.glob("*.dist-info"):
        return _Native(*environment.project_and_version(info), directory)
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


def _parents(name: str) -> Iterator[str]:
    while name := name.rpartition(".")[0]:
        yield name


@cache
def _file_finder(directory: str) -> FileFinder:
    machinery = importlib.machinery
    return FileFinder(
        directory,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )
