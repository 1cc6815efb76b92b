"""What a release is made of, kept as a lock (PEP 751): every later start, rollback and replica takes it from there.

A lock holds for one interpreter and for every host whose shared distributions satisfy what the closure asks of them, so it
keeps these ranges beside the versions it was made with. It has no credentials: those are the machine's.
"""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import tomli_w
from packaging.pylock import PackageWheel, Pylock, PylockSelectError, PylockUnsupportedVersionError, PylockValidationError
from packaging.specifiers import SpecifierSet

from plughost.errors import IntegrityMissing
from plughost.model.sharing import HostShare
from plughost.store.layout import Layout
from plughost.store.resolve import Pinned, promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One wheel for each private distribution of a release, the plugin's own first."""

    own: Pinned
    others: tuple[Pinned, ...]
    resolver: str
    host: Mapping[str, str]
    """The versions of shared distributions that it was made beside."""
    asks: Mapping[str, tuple[str, ...]]
    """Shared distribution → every range that the closure asks of it."""

    @property
    def digests(self) -> frozenset[str]:
        """What a site made of it needs on disk."""
        return frozenset(pinned.sha256 for pinned in (self.own, *self.others))

    def holds(self, share: HostShare) -> bool:
        """Whether it can be used beside this host: what it asks of shared ones is there, and nothing strict is private in it."""
        if any((shared := share.get(pinned.project)) is not None and shared.kind == "strict" for pinned in self.others):
            return False
        return all(project in share and _admits(ranges, share[project].version) for project, ranges in self.asks.items())


def environment() -> str:
    """The interpreter and machine that a lock is for, as part of its file's name."""
    return f"{sys.implementation.cache_tag}-{sys.platform}-{platform.machine()}"


def write(lock: Lock) -> bytes:
    """The lock as TOML; a ValueError where it would be none."""
    document = {
        "lock-version": "1.0",
        "environments": [_marker()],
        "requires-python": "=={}.{}.*".format(*sys.version_info),
        "created-by": "plughost",
        "packages": [_row(pinned) for pinned in (lock.own, *lock.others)],
        "tool": {"plughost": {"resolver": lock.resolver, "host": dict(lock.host), "asks": {p: list(r) for p, r in lock.asks.items()}}},
    }
    try:
        Pylock.from_dict(document)
    except PylockValidationError as error:
        raise ValueError(str(error)) from error
    return tomli_w.dumps(document).encode()


def read(data: bytes) -> Lock:
    """The lock that was written so; a ValueError where it is another file, or for another interpreter."""
    try:
        pylock = Pylock.from_dict(tomllib.loads(data.decode()))
        own, *others = (_pinned(package.name, package.version, file) for package, file in pylock.select())
        ours: Mapping[str, Any] = (pylock.tool or {})["plughost"]
        asks = {project: tuple(ranges) for project, ranges in ours["asks"].items()}
        return Lock(own=own, others=tuple(others), resolver=ours["resolver"], host=ours["host"], asks=asks)
    except (PylockValidationError, PylockUnsupportedVersionError, PylockSelectError, KeyError, TypeError, IntegrityMissing) as error:
        raise ValueError(f"no lock of this interpreter: {error}") from error


def _marker() -> str:
    machine = platform.machine()
    return f"implementation_name == '{sys.implementation.name}' and sys_platform == '{sys.platform}' and platform_machine == '{machine}'"


def _row(pinned: Pinned) -> dict[str, object]:
    wheel = {"name": pinned.filename, "url": without_credentials(pinned.url), "hashes": {"sha256": pinned.sha256}}
    return {"name": pinned.project, "version": pinned.version, "wheels": [wheel]}


def without_credentials(url: str) -> str:
    """The address without user and password."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _pinned(project: str, version: object, file: object) -> Pinned:
    if not isinstance(file, PackageWheel) or file.url is None:
        raise TypeError(f"{project} is no wheel with an address")
    return Pinned(
        project=project,
        version=str(version),
        url=file.url,
        filename=file.filename,
        sha256=promised(file.hashes.get("sha256"), file.filename),
    )


def _admits(ranges: tuple[str, ...], version: str) -> bool:
    return all(SpecifierSet(text).contains(version, prereleases=True) for text in ranges)


class Locks:
    """The locks on disk, one for each plugin's wheel and environment; synchronous."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def name(self, sha256: str) -> str:
        """What a lock of that wheel is called on this kind of machine."""
        return f"{sha256}-{environment()}"

    def read(self, sha256: str) -> Lock | None:
        """The lock of a plugin's wheel; None where there is none, or one that cannot be read, so that it is made again."""
        try:
            return read((self._layout.locks / f"{self.name(sha256)}.toml").read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def write(self, lock: Lock) -> None:
        """Put the lock in place, whole."""
        self._layout.replace(self._layout.locks / f"{self.name(lock.own.sha256)}.toml", write(lock))

    def remove(self, sha256: str) -> None:
        """Remove the locks of a plugin's wheel, of every environment."""
        for path in self._layout.locks.glob(f"{sha256}-*.toml"):
            path.unlink(missing_ok=True)
