"""The wheels that `benchmarks/index.py` gives to every index, made once below build/, and how each index is filled with them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plughost.testing import wheel
from plugin_index.nouns import File
from plugin_index.storage.home import Home

LARGE = "bench-large"
"""The project whose wheels are of 1 MB."""
MEGABYTE = 1_000_000
_SUMMARY = "Summary: What {} does, in the words that such a line has"
_CLASSIFIERS = ["Classifier: Programming Language :: Python :: 3", "Classifier: Operating System :: OS Independent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """So many projects, each with so many small wheels, and one with eight large ones; a folder for each project."""

    folder: Path
    projects: int
    files: int

    @property
    def names(self) -> list[str]:
        return [f"acme-project-{number:04}" for number in range(self.projects)]

    def wheels(self) -> Iterator[Path]:
        for name in (*self.names, LARGE):
            yield from sorted((self.folder / name).iterdir())


def made(place: Path, projects: int, files: int) -> Corpus:
    """The corpus, on disk; what an interrupted run left is made anew."""
    corpus = Corpus(folder=place / f"wheels-{projects}x{files}", projects=projects, files=files)
    if not corpus.folder.is_dir():
        print(f"making {projects} projects x {files} wheels", flush=True)
        half = corpus.folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        for name in corpus.names:
            for minor in range(files):
                small(name, f"1.{minor}.0").write(half / name)
        for minor in range(8):
            large(LARGE, f"1.{minor}.0").write(half / LARGE)
        half.rename(corpus.folder)
    return corpus


def small(project: str, version: str):
    module = project.replace("-", "_")
    metadata = [_SUMMARY.format(project), "Author: Acme", "License: Apache-2.0", *_CLASSIFIERS]
    files = {f"{module}/__init__.py": f'VERSION = "{version}"\n'}
    return wheel(project, version, files, requires_python=">=3.9", metadata=metadata)


def large(project: str, version: str):
    """About 1 MB that cannot be compressed, other bytes for each version."""
    data = random.Random(f"{project} {version}").randbytes(MEGABYTE)
    return wheel(project, version, {f"{project.replace('-', '_')}/data.bin": data}, requires_python=">=3.9")


def fill_ours(home: Path, corpus: Corpus) -> None:
    """Through the index's own rows, in one transaction, without HTTP; blobs are linked, not synced one by one."""
    asyncio.run(_fill_ours(home, corpus))


async def _fill_ours(home: Path, corpus: Corpus) -> None:
    async with Home.opened(home) as storage:

        def write(rows) -> None:
            for path in corpus.wheels():
                file, metadata = _described(path)
                rows.add(file, metadata)
                blob = home / "blobs" / file.sha256[:2] / file.sha256
                blob.parent.mkdir(exist_ok=True)
                os.link(path, blob)

        await storage.write(write)


def _described(path: Path) -> tuple[File, bytes]:
    data, (project, version, *_) = path.read_bytes(), path.name.split("-")
    with zipfile.ZipFile(path) as archive:
        metadata = archive.read(f"{project}-{version}.dist-info/METADATA")
    file = File(
        filename=path.name,
        project=path.parent.name,
        version=version,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        uploaded=1_700_000_000.0,
        uploader="bench",
        requires_python=">=3.9",
        metadata_sha256=hashlib.sha256(metadata).hexdigest(),
        summary="",
        plugins={},
    )
    return file, metadata


def fill_pypiserver(home: Path, corpus: Corpus) -> None:
    """It serves a folder; a flat one, as its documentation has it, needs one watch alone."""
    (home / "wheels").mkdir(parents=True)
    for path in corpus.wheels():
        os.link(path, home / "wheels" / path.name)


def fill_devpi(home: Path, corpus: Corpus, binaries: Path) -> None:
    """By its own `devpi-import`, from what a `devpi-export` of another server would have written."""
    dump = home.with_suffix(".dump")
    shutil.copytree(corpus.folder, dump / "bench" / "wheels", copy_function=os.link)
    (dump / "dataindex.json").write_text(json.dumps(_dump(corpus)))
    try:
        subprocess.run([binaries / "devpi-import", "--serverdir", home, "--no-root-pypi", dump], check=True, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(dump)


def _dump(corpus: Corpus) -> dict[str, object]:
    projects: dict[str, dict[str, object]] = {}
    files = []
    for path in corpus.wheels():
        project, version = path.parent.name, path.name.split("-")[1]
        described = {"name": project, "version": version, "requires_python": ">=3.9", "metadata_version": "2.1"}
        projects.setdefault(project, {})[version] = described
        mapping = {"last_modified": "Tue, 14 Nov 2023 22:13:20 GMT"}
        relative = f"bench/wheels/{project}/{path.name}"
        files.append({"type": "releasefile", "projectname": project, "version": version, "relpath": relative, "entrymapping": mapping})
    config = {"type": "stage", "volatile": True, "bases": [], "acl_upload": [":ANONYMOUS:"]}
    return {
        "dumpversion": "2",
        "users": {"root": {"username": "root"}, "bench": {"username": "bench"}},
        "indexes": {"bench/wheels": {"indexconfig": config, "projects": projects, "files": files}},
    }
