"""Where everything lies below `{home}/store`, and how it gets there: staged, flushed, renamed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plughost.store.disk import flush_names, opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The directories of one store, as one process sees them; `boot` names the process."""

    root: Path
    boot: str

    @property
    def wheels(self) -> Path:
        """`<sha256>/` unpacked, and `<sha256>.json` what is known of it."""
        return self.root / "wheels"

    @property
    def locks(self) -> Path:
        """`<sha256 of a plugin's wheel>-<environment>.toml` (PEP 751)."""
        return self.root / "locks"

    @property
    def pins(self) -> Path:
        """`<project>/`: the first accepted sha256 of each release."""
        return self.root / "pins"

    @property
    def stubs(self) -> Path:
        """Metadata-only wheels of what the host shares, for resolvers."""
        return self.root / "stubs"

    @property
    def leases(self) -> Path:
        """`<boot id>` of each live process: the digests it needs."""
        return self.root / "leases"

    @property
    def turns(self) -> Path:
        """Locks of jobs that run."""
        return self.root / "turns"

    @property
    def staging(self) -> Path:
        """`<boot id>-<random>/`: what is not finished."""
        return self.root / "staging"

    @property
    def gate(self) -> Path:
        """The lock under which leases and prunings are decided."""
        return self.root / "gate"

    def make(self) -> None:
        """Create what is missing."""
        for folder in (self.wheels, self.locks, self.pins, self.stubs, self.leases, self.turns, self.staging):
            folder.mkdir(parents=True, exist_ok=True)

    def stage(self) -> Path:
        """A new directory of this process in staging."""
        path = self.free()
        path.mkdir()
        return path

    def free(self) -> Path:
        """A path of this process in staging where nothing stands yet."""
        return self.staging / f"{self.boot}-{secrets.token_hex(8)}"

    @contextlib.contextmanager
    def staged(self) -> Iterator[Path]:
        """A new directory to write into; gone afterwards, whatever was moved out of it stays."""
        path = self.stage()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def replace(self, path: Path, data: bytes) -> None:
        """Put a file in place whole and durably, whoever else writes it at the same time."""
        with self.staged() as folder:
            file = folder / path.name
            file.write_bytes(data)
            with opened(file) as handle:
                os.fsync(handle)
            path.parent.mkdir(exist_ok=True)
            file.replace(path)
        flush_names(path.parent)
