"""What a client is asked to publish, as a file that is ready and as a project that a client builds itself."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from plughost.testing import BuiltWheel, Part, pack, parts_of
from tests.index.program import PLUGIN, chat

Kind = Literal["wheel", "sdist", "tampered", "renamed"]
LARGE = 400_000
"""More bytes than the index of these tests takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A release of one project; `says` changes its bytes, `noise` makes it large."""

    project: str
    version: str = "1.0"
    says: str = ""
    plugin: str | None = None
    noise: int = 0
    kind: Kind = "wheel"

    @property
    def module(self) -> str:
        """The name that Python imports."""
        return self.project.replace("-", "_")

    @property
    def source(self) -> str:
        """The text of its module; no compression makes the noise small."""
        noise = f"# {random.Random(7).randbytes(self.noise).hex()}\n" if self.noise else ""
        return f'"""A plugin."""\n{PLUGIN}{self.says}\n{noise}'

    @property
    def built(self) -> BuiltWheel:
        """The wheel, as any back-end would build it."""
        return chat(self.version, says=self.source, project=self.project, plugin=self.plugin)

    def file(self, folder: Path) -> Path:
        """Write it ready-made."""
        folder.mkdir(parents=True, exist_ok=True)
        return {"wheel": self._wheel, "sdist": self._sdist, "tampered": self._tampered, "renamed": self._renamed}[self.kind](folder)

    def tree(self, folder: Path) -> Path:
        """Write it as a project whose back-end is flit_core."""
        folder.mkdir(parents=True, exist_ok=True)
        plugins = f'[project.entry-points."plughost.plugins"]\n{self.plugin} = "{self.module}:plugin"\n' if self.plugin else ""
        (folder / "pyproject.toml").write_text(
            '[build-system]\nrequires = ["flit_core"]\nbuild-backend = "flit_core.buildapi"\n'
            f'[project]\nname = "{self.project}"\nversion = "{self.version}"\ndescription = "A plugin."\n{plugins}'
        )
        (folder / f"{self.module}.py").write_text(self.source)
        return folder

    def _wheel(self, folder: Path) -> Path:
        return self.built.write(folder)

    def _tampered(self, folder: Path) -> Path:
        """A wheel whose module was changed after its RECORD was written."""
        parts = [
            Part(name=part.name, data=part.data + b"# more\n") if part.name == f"{self.module}.py" else part
            for part in parts_of(self.built.data)
        ]
        return BuiltWheel(self.built.filename, pack(parts)).write(folder)

    def _renamed(self, folder: Path) -> Path:
        """A wheel whose file name speaks of another release than its METADATA."""
        return BuiltWheel(self.built.filename.replace(f"-{self.version}-", "-9.0-"), self.built.data).write(folder)

    def _sdist(self, folder: Path) -> Path:
        path = folder / f"{self.module}-{self.version}.tar.gz"
        text = f"Metadata-Version: 2.1\nName: {self.project}\nVersion: {self.version}\n"
        inner = io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w") as archive:
            for name, data in {"PKG-INFO": text.encode(), f"{self.module}.py": self.source.encode()}.items():
                member = tarfile.TarInfo(f"{self.module}-{self.version}/{name}")
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
        path.write_bytes(gzip.compress(inner.getvalue(), mtime=0))
        return path
