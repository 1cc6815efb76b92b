"""Real wheels, unpacked as the store does it, a real decision about them, and a scope over it."""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import pytest

from plughost.model.artifact import Site, StoredWheel
from plughost.model.sharing import HostShare, Sharing, negotiate
from plughost.scope import Scope, host_share, loaded_natives
from plughost.scope.shared import importable
from plughost.testing import BuiltWheel, wheel

Files = Mapping[str, str | bytes]
_numbers = itertools.count(1)


class Workshop:
    """Makes scopes out of wheels and closes them at the end."""

    def __init__(self, folder: Path, share: HostShare) -> None:
        self.folder, self.share = folder, share
        self._open: list[Scope] = []

    def unpack(self, built: BuiltWheel, requires: Sequence[str] = ()) -> StoredWheel:
        path = self.folder / built.sha256
        with zipfile.ZipFile(BytesIO(built.data)) as archive:
            if not path.exists():  # once, as the store does: files that are newer have bytecode that is too old
                archive.extractall(path)
            names = archive.namelist()
        project, version = built.filename.split("-")[:2]
        return StoredWheel(
            project=project.replace("_", "-"),
            version=version,
            sha256=built.sha256,
            path=path,
            tops=tuple({name.partition(".")[0] for name in importable(names)}),
            native=any(name.endswith((".so", ".pyd")) for name in names),
            requires=tuple(requires),
        )

    def sharing(self, files: Files, *, requires: Sequence[str] = (), among: Sequence[StoredWheel] = ()) -> Sharing:
        own = self.unpack(wheel("acme-plugin", "1.0", files, requires=requires), requires)
        return negotiate(Site(wheels=(own, *among)), self.share, loaded_natives())

    def open(self, files: Files, *, requires: Sequence[str] = (), among: Sequence[StoredWheel] = ()) -> Scope:
        scope = Scope(f"_scope_acme_{next(_numbers)}", self.sharing(files, requires=requires, among=among))
        scope.open()
        self._open.append(scope)
        return scope

    def close(self) -> None:
        for scope in self._open:
            scope.close()


@pytest.fixture(scope="session")
def share() -> HostShare:
    return host_share()


@pytest.fixture
def workshop(tmp_path: Path, share: HostShare) -> Iterator[Workshop]:
    made = Workshop(tmp_path, share)
    yield made
    made.close()


@pytest.fixture
def run(workshop: Workshop) -> Callable[..., object]:
    """Opens a scope over the files and returns what `acme:plugin` is there."""

    def run(files: Files, **more: object) -> object:
        return workshop.open(files, **more).load("acme:plugin")  # type: ignore[arg-type] # handed through

    return run
