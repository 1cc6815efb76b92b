"""The clients that resolve and install, each as its users start it: the table `READERS` names them.

Each gets one requirement from one index, or from the first of two, and tells which releases it chose.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name, parse_wheel_filename

from tests.index.clients.child import Desk, Ended
from tests.index.program import BIN

PIP = (sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check")
ALONE = {"PIP_CONFIG_FILE": os.devnull}
"""pip reads configuration from beside its interpreter, too."""
PYTHON = f">=3.{sys.version_info.minor},<3.{sys.version_info.minor + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """What a client said, and project → version as it chose."""

    ended: Ended
    chosen: Mapping[str, str]


Reader = Callable[[Sequence[str], str, Desk], Awaitable[Got]]
"""Get a requirement from these `/simple/` URLs, at a desk."""


def flags(urls: Sequence[str]) -> list[str]:
    """The indexes as pip and uv take them."""
    first, *more = urls
    return ["--index-url", first, *(part for url in more for part in ("--extra-index-url", url))]


async def pip_install(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    ended = await desk.run(*PIP, "install", *flags(urls), "--target", desk.folder / "target", requirement, environ=ALONE)
    return Got(ended=ended, chosen=_installed(desk.folder / "target"))


async def pip_download(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    ended = await desk.run(*PIP, "download", *flags(urls), "--dest", desk.folder / "got", requirement, environ=ALONE)
    return Got(ended=ended, chosen=dict(_parsed(file.name) for file in (desk.folder / "got").glob("*.whl")))


async def pip_report(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    options = ("--dry-run", "--ignore-installed", "--report", desk.folder / "report.json")
    ended = await desk.run(*PIP, "install", *flags(urls), *options, requirement, environ=ALONE)
    installs = json.loads((desk.folder / "report.json").read_text())["install"] if ended.status == 0 else []
    return Got(ended=ended, chosen={each["metadata"]["name"]: each["metadata"]["version"] for each in installs})


async def uv_pip_install(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    options = ("--python", sys.executable, "--target", desk.folder / "target")
    ended = await desk.run(BIN / "uv", "pip", "install", *flags(urls), *options, requirement)
    return Got(ended=ended, chosen=_installed(desk.folder / "target"))


async def uv_pip_compile(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    wished = _written(desk.folder / "requirements.in", f"{requirement}\n")
    options = ("--python", sys.executable, "--generate-hashes", "--output-file", desk.folder / "requirements.txt")
    ended = await desk.run(BIN / "uv", "pip", "compile", *flags(urls), *options, wished)
    return Got(ended=ended, chosen=dict(re.findall(r"^([\w-]+)==(\S+)", _text(desk.folder / "requirements.txt"), re.MULTILINE)))


async def uv_add(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    _project(desk.folder)
    ended = await desk.run(BIN / "uv", "add", *flags(urls), "--python", sys.executable, "--no-sync", requirement)
    return Got(ended=ended, chosen=_locked(desk.folder / "uv.lock"))


async def uv_lock(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    _project(desk.folder, requirement)
    ended = await desk.run(BIN / "uv", "lock", *flags(urls), "--python", sys.executable)
    return Got(ended=ended, chosen=_locked(desk.folder / "uv.lock"))


async def poetry_add(urls: Sequence[str], requirement: str, desk: Desk) -> Got:
    names = dict(zip(("first", "second"), urls, strict=False))
    sources = (f'[[tool.poetry.source]]\nname = "{name}"\nurl = "{url}"\npriority = "primary"\n' for name, url in names.items())
    _project(desk.folder, more="".join(sources))
    environ = {"POETRY_VIRTUALENVS_CREATE": "false", "POETRY_KEYRING_ENABLED": "false"}
    ended = await desk.run(BIN / "poetry", "add", "--no-interaction", "--lock", requirement, environ=environ)
    return Got(ended=ended, chosen=_locked(desk.folder / "poetry.lock"))


READERS: Mapping[str, Reader] = {
    "pip install": pip_install,
    "pip download": pip_download,
    "pip install --report": pip_report,
    "uv pip install": uv_pip_install,
    "uv pip compile": uv_pip_compile,
    "uv add": uv_add,
    "uv lock": uv_lock,
    "poetry add": poetry_add,
}


def _project(folder: Path, *requires: str, more: str = "") -> None:
    """A project that somebody works on; it is never built."""
    head = f'[project]\nname = "workbench"\nversion = "0"\nrequires-python = "{PYTHON}"\ndependencies = {json.dumps(requires)}\n'
    _written(folder / "pyproject.toml", head + more)


def _installed(target: Path) -> dict[str, str]:
    pairs = (info.name.removesuffix(".dist-info").rsplit("-", 1) for info in target.glob("*.dist-info"))
    return {canonicalize_name(name): version for name, version in pairs}


def _locked(lock: Path) -> dict[str, str]:
    packages: Iterable[dict[str, str]] = tomllib.loads(_text(lock)).get("package", [])
    return {each["name"]: each["version"] for each in packages if each["name"] != "workbench"}


def _parsed(filename: str) -> tuple[str, str]:
    name, version, *_ = parse_wheel_filename(filename)
    return name, str(version)


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path
