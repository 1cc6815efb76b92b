"""uv as a resolver: `uv pip compile` of one metadata-only wheel into a lock (PEP 751), of which the best wheels are taken."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageSdist, PackageVcs, PackageWheel, Pylock

from plughost.errors import DirectUrl, ResolverMissing
from plughost.net import configured
from plughost.store.child import environment, run
from plughost.store.resolve import Desk, Pinned, Question, desk, promised
from plughost.store.said import public, refusal, too_slow
from plughost.store.stubs import is_stub
from plughost.store.threads import Threads

logger = logging.getLogger(__name__)
_LOCK = "pylock.toml"
Selected = PackageWheel | PackageArchive | PackageDirectory | PackageSdist | PackageVcs


class Uv:
    """Asks the plugin's index first for each name, then what this machine's uv is configured for."""

    kind = "uv"

    def __init__(self, *, stubs: Path, threads: Threads, deadline: float, environ: Mapping[str, str] = os.environ) -> None:
        self._stubs, self._threads, self._deadline = stubs, threads, deadline
        self._environ = {**environ, **_of_pip(environ)}

    async def resolve(self, question: Question) -> tuple[Pinned, ...]:
        """The closure; see Resolver."""
        program = await self._threads.run(_program, self._environ)
        async with desk(question, self._stubs, self._threads) as given:
            try:
                ended = await run(
                    [program, *_arguments(given)],
                    folder=given.folder,
                    env=_environment(question, self._environ),
                    text=given.wanted,
                    deadline=self._deadline,
                )
            except TimeoutError:
                raise too_slow(question, self._deadline) from None
            if ended.status:
                raise refusal(question, ended.output)
            return await self._threads.run(_chosen, given.folder / _LOCK, (self._stubs, given.folder))


def _of_pip(environ: Mapping[str, str]) -> dict[str, str]:
    """Pip's indexes as variables of uv, where pip has some configured and uv has none: it reads nothing of pip's."""
    if configured(environ).uv or not (indexes := configured(environ).pip):
        return {}
    logger.info("uv has no index configured, pip's are asked", extra={"indexes": len(indexes)})
    default = configured({**environ, "PIP_EXTRA_INDEX_URL": " "}).pip[:1]
    more = [url for url in indexes if url not in default]
    return {"UV_INDEX": " ".join(more), **({"UV_DEFAULT_INDEX": default[0]} if default else {})}


def _program(environ: Mapping[str, str]) -> str:
    beside = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    if (found := shutil.which("uv", path=beside)) is None:
        raise ResolverMissing("uv")
    return found


def _arguments(given: Desk) -> list[str]:
    # What is said here outright cannot be said otherwise by a uv.toml of this machine.
    return [
        *("pip", "compile", "-", "--constraints", str(given.constraints), "--output-file", _LOCK, "--format", "pylock.toml"),
        *("--only-binary", ":all:", "--index-strategy", "first-index", "--resolution", "highest"),
        *("--prerelease", "if-necessary-or-explicit", "--no-sources", "--python", sys.executable),
        *("--quiet", "--no-header", "--color", "never"),
    ]


def _environment(question: Question, environ: Mapping[str, str]) -> dict[str, str]:
    # By variables, since a command line can be read by everyone on the machine, and `--index` would replace the operator's.
    indexes = " ".join(filter(None, (question.repository, environ.get("UV_INDEX"))))
    folders = ",".join(filter(None, (question.folder and question.folder.replace(",", "%2C"), environ.get("UV_FIND_LINKS"))))
    return environment(environ, UV_INDEX=indexes, UV_FIND_LINKS=folders, UV_HTTP_RETRIES="1")


def _chosen(lock: Path, stubs: tuple[Path, ...]) -> tuple[Pinned, ...]:
    # uv lists every wheel of a release; the one that fits this interpreter best is taken.
    chosen = Pylock.from_dict(tomllib.loads(lock.read_text("utf-8"))).select()
    return tuple(sorted(pinned for package, file in chosen if (pinned := _pinned(package, file, stubs)) is not None))


def _pinned(package: Package, file: Selected, stubs: tuple[Path, ...]) -> Pinned | None:
    url = _address(file)
    if any(is_stub(url, folder) for folder in stubs):
        return None
    if package.is_direct or not isinstance(file, PackageWheel):
        raise DirectUrl(f"{package.name} @ {public(url)}")
    sha256 = promised(file.hashes.get("sha256"), file.filename)
    return Pinned(project=package.name, version=str(package.version), url=url, filename=file.filename, sha256=sha256)


def _address(file: Selected) -> str:
    match file:
        case PackageWheel(url=None, path=str(path)) | PackageArchive(url=None, path=str(path)) | PackageDirectory(path=path):
            return Path(path).as_uri()
        case PackageWheel() | PackageArchive() | PackageSdist() | PackageVcs():
            return file.url or "an address"
