"""Metadata-only wheels: a name, a version and requirements, for resolvers that take a file for the one release there is.

Each stands in a folder named by its contents, since resolvers remember what they read under a path.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import zipfile
from collections.abc import Collection, Iterable
from pathlib import Path

_WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def put_stub(folder: Path, project: str, version: str, *, requires: Iterable[str] = (), extras: Collection[str] = ()) -> Path:
    """Where such a wheel stands below the folder, written there if it was not; equal arguments give equal bytes and paths."""
    stem = f"{project.replace('-', '_')}-{version}"
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {project}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in sorted(extras)),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    data = _archive({"METADATA": "\n".join(metadata) + "\n", "WHEEL": _WHEEL, "RECORD": ""}, f"{stem}.dist-info")
    path = folder / hashlib.sha256(data).hexdigest()[:32] / f"{stem}-py3-none-any.whl"
    if not path.exists():
        _put(path, data)
    return path


def is_stub(url: str, folder: Path) -> bool:
    """Whether an address that a resolver gives is that of a stub below the folder."""
    return url.startswith(f"{folder.as_uri()}/")


def _archive(files: dict[str, str], info: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{name}", _EPOCH), text)
    return buffer.getvalue()


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f"{secrets.token_hex(8)}.part")
    unfinished.write_bytes(data)
    os.replace(unfinished, path)  # noqa: PTH105 - the verb of what happens: whole, whoever else writes it
