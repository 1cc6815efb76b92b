"""A folder of wheels, read: what it lists, and which of its wheels answers an install by name. Synchronous."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import canonicalize_name

from plughost.catalog import carried, schema
from plughost.catalog.carried import Carried
from plughost.catalog.source import Answer, taken
from plughost.errors import NotAWheel, PlughostError, PluginNameTaken, PluginUnknown, ReleaseUnknown, SourceUnreachable
from plughost.model.plugin import Listing, WheelFile, parse_entry, parse_name
from plughost.model.revocation import Reasons
from plughost.model.specifier import newest, parse_specifier
from plughost.wheel.name import best

Stamp = tuple[str, int, int, int]
"""File name, inode, modification time in nanoseconds, size."""
_SAID = _LIST, _REVOKED = "plugins.json", "revoked.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    stamp: Stamp
    wheel: Carried | None
    problem: str
    names: frozenset[str]
    """The plugins that a readable wheel carried under this path last: while it is written over, they are not gone."""


class Folder:
    """One directory; what a wheel says is read again only when the file has changed."""

    def __init__(self, path: Path, *, hears: Callable[[str], bool]) -> None:
        self.path: Final = path
        self.url: Final = path.as_uri()
        self._hears = hears
        self._seen: dict[Path, _Seen] = {}

    def state(self) -> tuple[Stamp, ...]:
        """What tells one content of the directory from another; raises SourceUnreachable."""
        return tuple(stamp for stamp in map(_stamp, self._files()) if stamp is not None)

    def listed(self) -> Answer:
        """The newest version of each plugin in it, or what its `plugins.json` says; raises CatalogError."""
        file = self.path / _LIST
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            return self._all()
        except OSError as error:
            raise SourceUnreachable(self.url, error.strerror or str(error)) from None
        said = schema.parse_list(raw, source=self.url, base=file.as_uri(), index=self.url, hears=self._hears, mutable=True)
        problems = {problem.name: problem.problem for problem in said.problems}
        listings: list[Listing] = []
        for listing in said.listings:
            try:
                listings.append(self._hashed(listing))
            except PlughostError as error:
                problems[listing.name] = str(error)
        return taken(self.url, listings, problems)

    def revoked(self) -> Reasons | None:
        """What its `revoked.json` says, None where there is none; raises CatalogError."""
        file = self.path / _REVOKED
        try:
            return schema.parse_revoked(file.read_bytes(), source=file.as_uri())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise SourceUnreachable(file.as_uri(), error.strerror or str(error)) from None

    def found(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        """The newest release of a plugin in it that fits; raises PluginUnknown, ReleaseUnknown or CatalogError."""
        wanted = parse_specifier(specifier)
        wheels = [wheel for wheel in self._wheels({}) if plugin in wheel.plugins]
        if project is not None:
            wheels = [wheel for wheel in wheels if wheel.project == canonicalize_name(project)]
        if not wheels:
            raise PluginUnknown(plugin)
        chosen = newest((wheel.version for wheel in wheels if wheel.fits), wanted)
        if chosen is None:
            present = [str(version) for version in sorted({wheel.version for wheel in wheels}, reverse=True)]
            raise ReleaseUnknown(plugin, asked=specifier or "", present=present)
        return self._listing(plugin, [wheel for wheel in wheels if wheel.fits and wheel.version == chosen])

    def _all(self) -> Answer:
        problems: dict[str, str] = {}
        listings: list[Listing] = []
        for plugin, wheels in self._carriers(problems).items():
            if plugin in problems:  # its newest wheel is being written over: an older one is not what is meant
                continue
            try:
                listings.append(self._newest(plugin, wheels))
            except PlughostError as error:
                problems[plugin] = str(error)
        return taken(self.url, listings, problems)

    def _carriers(self, problems: dict[str, str]) -> Mapping[str, list[Carried]]:
        """The wheels of each plugin that this source may speak for."""
        carriers: defaultdict[str, list[Carried]] = defaultdict(list)
        for wheel in self._wheels(problems):
            for plugin in filter(self._hears, wheel.plugins):
                carriers[plugin].append(wheel)
        return carriers

    def _files(self) -> list[Path]:
        try:
            return sorted(file for file in self.path.iterdir() if file.suffix == ".whl" or file.name in _SAID)
        except OSError as error:
            raise SourceUnreachable(self.url, error.strerror or str(error)) from None

    def _wheels(self, problems: dict[str, str]) -> list[Carried]:
        """Every readable wheel; the others are put into `problems`."""
        self._seen = {path: seen for path in self._files() if path.name not in _SAID and (seen := self._look(path)) is not None}
        for path, seen in self._seen.items():
            if seen.wheel is None:
                problems |= dict.fromkeys(seen.names or {path.name}, seen.problem)
        return [seen.wheel for seen in self._seen.values() if seen.wheel is not None]

    def _look(self, path: Path) -> _Seen | None:
        """What the file is, None where it has gone meanwhile."""
        before, stamp = self._seen.get(path), _stamp(path)
        if stamp is None or (before is not None and before.stamp == stamp):
            return before if stamp else None
        try:
            wheel = carried.read(path)
            return _Seen(stamp=stamp, wheel=wheel, problem="", names=frozenset(filter(self._hears, wheel.plugins)))
        except (PlughostError, OSError) as error:
            return _Seen(stamp=stamp, wheel=None, problem=str(error), names=before.names if before else frozenset())

    def _newest(self, plugin: str, wheels: list[Carried]) -> Listing:
        projects = sorted({wheel.project for wheel in wheels})
        if len(projects) > 1:
            raise PluginNameTaken(plugin, owner=projects[0], project=" and ".join(projects[1:]))
        fits, version = max((wheel.fits, wheel.version) for wheel in wheels)
        return self._listing(plugin, [wheel for wheel in wheels if (wheel.fits, wheel.version) == (fits, version)])

    def _listing(self, plugin: str, wheels: list[Carried]) -> Listing:
        by_name = {wheel.path.name: wheel for wheel in wheels}
        first = by_name[best(by_name) or wheels[0].path.name]
        files = [_file(wheel) for wheel in (first, *(wheel for wheel in wheels if wheel is not first))]
        return Listing(
            name=parse_name(plugin),
            version=str(first.version),
            wheels=tuple(files),
            entry=parse_entry(first.plugins[plugin]),
            project=first.project,
            source=self.url,
            index=self.url,
            mutable=True,
        )

    def _hashed(self, listing: Listing) -> Listing:
        """With the hash of each file on this disk whose hash nobody told."""
        return replace(listing, wheels=tuple(wheel if wheel.sha256 else self._measured(wheel) for wheel in listing.wheels))

    def _measured(self, wheel: WheelFile) -> WheelFile:
        if not wheel.url.startswith("file:"):
            return wheel
        path = Path(url2pathname(urlsplit(wheel.url).path))
        self._seen |= {path: seen} if (seen := self._look(path)) else {}
        if seen is None or seen.wheel is None:
            raise NotAWheel(wheel.filename, seen.problem if seen else f"{path} is not there")
        return replace(wheel, sha256=seen.wheel.sha256)


def _stamp(path: Path) -> Stamp | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return path.name, state.st_ino, state.st_mtime_ns, state.st_size


def _file(wheel: Carried) -> WheelFile:
    return WheelFile(url=wheel.path.as_uri(), filename=wheel.path.name, sha256=wheel.sha256)
