"""The first accepted sha256 of each release of one origin: the same version with other bytes is refused from then on.

A plugin's release is its version on this kind of machine, a dependency's is its file name (an index may add wheels of one
version for other machines). What comes from a folder is never pinned: that is its author's loop.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from plughost.errors import ReleaseChanged
from plughost.model.plugin import Target
from plughost.store.layout import Layout
from plughost.store.lock import environment
from plughost.store.resolve import Pinned
from plughost.wheel.name import parse_filename


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What is pinned."""

    project: str
    origin: str
    """Scheme, host and port."""
    what: str
    """A version and an environment, or a file name."""

    def __str__(self) -> str:
        return f"{self.project} {self.what.partition(' ')[0]} of {self.origin}"


def plugin_release(target: Target) -> Release | None:
    """What is pinned of a plugin's wheel; None where nothing is."""
    project = parse_filename(target.wheel.filename).project
    return None if target.mutable else _release(project, target.wheel.url, f"{target.version} {environment()}")


def dependency_release(pinned: Pinned) -> Release | None:
    """What is pinned of a dependency's wheel; None where nothing is."""
    return _release(pinned.project, pinned.url, pinned.filename)


def _release(project: str, url: str, what: str) -> Release | None:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return None
    return Release(project=project, origin=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", what=what)


class Pins:
    """Pins on disk, one file each; synchronous."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def check(self, release: Release, sha256: str) -> None:
        """Raise ReleaseChanged where other bytes were accepted before."""
        had = self._read(self._path(release))
        if had is not None and had != sha256:
            raise ReleaseChanged(str(release), had=had, got=sha256)

    def accept(self, release: Release, sha256: str) -> None:
        """Pin the release where it is not yet, whoever else does so at the same time; then as `check`."""
        path = self._path(release)
        if self._read(path) is None:
            self._put(path, {"origin": release.origin, "what": release.what, "sha256": sha256})
        self.check(release, sha256)

    def forget(self, project: str) -> None:
        """Take back every pin of a project."""
        shutil.rmtree(self._layout.pins / project, ignore_errors=True)

    def _path(self, release: Release) -> Path:
        key = hashlib.sha256(f"{release.origin} {release.what}".encode()).hexdigest()[:32]
        return self._layout.pins / release.project / f"{key}.json"

    def _read(self, path: Path) -> str | None:
        try:
            return str(json.loads(path.read_bytes())["sha256"])
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):  # cut off by a power failure
            path.unlink(missing_ok=True)
            return None

    def _put(self, path: Path, said: dict[str, str]) -> None:
        path.parent.mkdir(exist_ok=True)
        with self._layout.staged() as folder:
            (folder / "pin.json").write_text(json.dumps(said), "utf-8")
            with contextlib.suppress(FileExistsError):
                os.link(folder / "pin.json", path)
