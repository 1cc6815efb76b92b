"""What plugin authors and plughost's own tests need: real wheels made in memory.

>>> chat = wheel("acme-chat", "1.0", {"acme_chat.py": "def plugin(): ..."}, plugins={"chat": "acme_chat:plugin"})
>>> chat.filename
'acme_chat-1.0-py3-none-any.whl'
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["BuiltWheel", "wheel"]


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
    record = "".join(f"{path},sha256={_record_hash(data)},{len(data)}\n" for path, data in content.items())
    content[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return BuiltWheel(f"{stem}-{tag}.whl", _archive(content))


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _archive(content: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(zipfile.ZipInfo(path, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
