"""The unpacked wheels of this machine, each once, under the sha256 of its archive; immutable once they stand there.

A wheel is there when its directory and its facts are; the facts are put in place last, and both were flushed before.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from plughost.model.artifact import StoredWheel
from plughost.store.disk import flush, flush_names
from plughost.store.layout import Layout
from plughost.store.unpack import unpack
from plughost.wheel.guard import WheelFacts


class Wheels:
    """Reads and puts wheels; synchronous."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def has(self, sha256: str) -> bool:
        """Whether the wheel is there."""
        return self._facts(sha256).is_file() and self.path(sha256).is_dir()

    def path(self, sha256: str) -> Path:
        """The directory of that wheel."""
        return self._layout.wheels / sha256

    def read(self, sha256: str) -> StoredWheel | None:
        """The wheel where it is there; None also where its facts cannot be read, so that it is put again."""
        try:
            said = json.loads(self._facts(sha256).read_bytes())
            wheel = _stored(said, sha256, self.path(sha256))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
        return wheel if wheel.path.is_dir() else None

    def put(self, archive: Path, filename: str, sha256: str, *, forbidden: frozenset[str]) -> StoredWheel:
        """Verify and unpack a file whose sha256 has been checked; raises what the guard raises, and OSError."""
        with self._layout.staged() as folder:
            unpacked = folder / "site"
            unpacked.mkdir()
            facts = unpack(archive, filename, unpacked, forbidden=forbidden)
            said = _said(facts)
            (folder / "facts.json").write_text(json.dumps(said, ensure_ascii=False), "utf-8")
            flush(folder)
            self._move_in(folder, sha256)
        return _stored(said, sha256, self.path(sha256))

    def digests(self) -> frozenset[str]:
        """Every digest of which anything is there."""
        return frozenset(name.removesuffix(".json") for name in os.listdir(self._layout.wheels))  # noqa: PTH208 - names alone

    def move_out(self, sha256: str) -> Path:
        """Take a wheel away, its facts first: what is half there is not there. Where its directory is now, if there was one."""
        aside = self._layout.free()
        self._facts(sha256).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            self.path(sha256).rename(aside)
        return aside

    def _move_in(self, folder: Path, sha256: str) -> None:
        if self.read(sha256) is not None:
            return  # another process was faster
        shutil.rmtree(self.move_out(sha256), ignore_errors=True)
        (folder / "site").rename(self.path(sha256))
        (folder / "facts.json").replace(self._facts(sha256))
        flush_names(self._layout.wheels)

    def _facts(self, sha256: str) -> Path:
        return self._layout.wheels / f"{sha256}.json"


def _said(facts: WheelFacts) -> dict[str, Any]:
    return {
        "project": facts.name.project,
        "version": facts.name.version,
        "tops": facts.tops,
        "native": facts.native,
        "requires": facts.metadata.requires,
        "entry_points": {group: dict(entries) for group, entries in facts.entry_points.items()},
        "left_out": facts.left_out,
    }


def _stored(said: dict[str, Any], sha256: str, path: Path) -> StoredWheel:
    return StoredWheel(
        project=said["project"],
        version=said["version"],
        sha256=sha256,
        path=path,
        tops=tuple(said["tops"]),
        native=said["native"],
        requires=tuple(said["requires"]),
        entry_points=said["entry_points"],
        left_out=tuple(said["left_out"]),
    )
