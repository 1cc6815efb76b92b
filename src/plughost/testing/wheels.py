"""Wheels made in memory, as a build back-end would make them (PEP 427)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from plughost.testing.archives import Part, pack


@dataclass(frozen=True, slots=True)
class BuiltWheel:
    """A wheel's file name and bytes."""

    filename: str
    data: bytes

    @property
    def sha256(self) -> str:
        """Its hash, in hexadecimal digits."""
        return hashlib.sha256(self.data).hexdigest()

    @property
    def integrity(self) -> str:
        """Its hash as a plugin list says it (W3C Subresource Integrity)."""
        return "sha256-" + base64.b64encode(hashlib.sha256(self.data).digest()).decode()

    def write(self, folder: Path) -> Path:
        """Put the file into a folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / self.filename
        path.write_bytes(self.data)
        return path


def wheel(
    project: str,
    version: str,
    files: Mapping[str, str | bytes],
    *,
    plugins: Mapping[str, str] | None = None,
    requires: Sequence[str] = (),
    requires_python: str | None = None,
    tag: str = "py3-none-any",
    metadata: Sequence[str] = (),
) -> BuiltWheel:
    """A valid wheel (PEP 427) with these files; `plugins` are its entry points in group `plughost.plugins`."""
    stem = f"{project.replace('-', '_').replace('.', '_').lower()}-{version}"
    info = f"{stem}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    lines += [f"Requires-Python: {requires_python}"] if requires_python else []
    lines += [*metadata, *(f"Requires-Dist: {requirement}" for requirement in requires)]
    content: dict[str, bytes] = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    content[f"{info}/METADATA"] = ("\n".join(lines) + "\n").encode()
    content[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: plughost.testing\nRoot-Is-Purelib: true\nTag: {tag}\n".encode()
    if plugins:
        rows = "".join(f"{name} = {value}\n" for name, value in plugins.items())
        content[f"{info}/entry_points.txt"] = f"[plughost.plugins]\n{rows}".encode()
    return BuiltWheel(f"{stem}-{tag}.whl", pack(with_record([Part(name=path, data=data) for path, data in content.items()], info)))


def with_record(parts: Sequence[Part], info: str) -> list[Part]:
    """These parts of an archive and `{info}/RECORD`, which names all files among them with their hashes."""
    rows = [_record_row(part) for part in parts if not part.name.endswith("/")]
    return [*parts, Part(name=f"{info}/RECORD", data="".join([*rows, f"{info}/RECORD,,\n"]).encode())]


def _record_row(part: Part) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(part.data).digest()).rstrip(b"=").decode()
    path = '"' + part.name.replace('"', '""') + '"' if set(part.name) & set(',"\n\r') else part.name
    return f"{path},sha256={digest},{len(part.data)}\n"
