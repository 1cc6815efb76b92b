"""Any package index (PEP 691, PEP 503): it answers installs by name, and is never a list."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from packaging.utils import canonicalize_name
from packaging.version import Version

from plughost.catalog import schema
from plughost.catalog.ask import NOT_FOUND, ask, off_loop, within_deadline
from plughost.catalog.here import python_fits
from plughost.catalog.page import IndexFile, parse_html
from plughost.catalog.source import Answer, Kind
from plughost.errors import ArtifactError, ProjectUnknown, ReleaseUnknown
from plughost.model.plugin import Listing, WheelFile, parse_name
from plughost.model.specifier import newest, parse_specifier
from plughost.net.client import Client
from plughost.wheel.name import WheelName, best, fits, parse_filename

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_SHOWN = 20
"""How many versions an error names."""


class SimpleSource:
    """One package index by its base URL (the one that pip is given)."""

    kind: Final[Kind] = "simple"

    def __init__(self, url: str, client: Client, *, names: Sequence[str] = ("*",)) -> None:
        self.url, self.names = url, tuple(names)
        self.index = url if url.endswith("/") else f"{url}/"
        self._client = client

    async def poll(self) -> Answer:
        """Nothing is listed, ever."""
        return Answer(listings=())

    async def revoked(self) -> None:
        """Nothing is revoked."""

    async def changes(self) -> AsyncIterator[None]:
        """Nothing changes."""
        return
        yield  # what makes it a generator

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
        """The best release of the project, by default the one of the plugin's name."""
        async with within_deadline(self.url):
            return await find_release(
                self._client, self.index, plugin=plugin, project=project or plugin, specifier=specifier, source=self.url
            )


async def find_release(client: Client, index: str, *, plugin: str, project: str, specifier: str | None, source: str) -> Listing:
    """The best release of a project on an index; raises ProjectUnknown, ReleaseUnknown, RequestInvalid or CatalogError."""
    name = parse_name(plugin)
    parse_specifier(specifier)  # what cannot be asked for is refused before anyone is asked
    page = await project_page(client, index, project)
    version, wheels = await off_loop(client, lambda: _chosen(page, project, specifier))
    return Listing(name=name, version=str(version), wheels=wheels, project=canonicalize_name(project), source=source, index=index)


async def project_page(client: Client, index: str, project: str) -> tuple[IndexFile, ...]:
    """Every file that an index offers of a project; raises ProjectUnknown or CatalogError."""
    url = f"{index}{canonicalize_name(project)}/"
    answer = await ask(client, url, accept=_ACCEPT, unless=(NOT_FOUND,))
    if answer is None:
        raise ProjectUnknown(project, asked=[index])
    in_json = answer.headers.get("content-type", "").partition(";")[0].strip() in (_JSON, "application/json")
    parse = schema.parse_page if in_json else parse_html
    return await off_loop(client, lambda: parse(answer.body, source=url, base=answer.url))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offered:
    file: IndexFile
    name: WheelName
    fits: bool

    @property
    def choosable(self) -> bool:
        return self.fits and not self.file.yanked


def _chosen(page: Iterable[IndexFile], project: str, specifier: str | None) -> tuple[Version, tuple[WheelFile, ...]]:
    """The best version that is wanted, and its wheels."""
    offered = [file for file in map(_offered, page) if file is not None and file.name.project == canonicalize_name(project)]
    releases = _releases(offered)
    version = newest([version for version, files in releases.items() if any(file.choosable for file in files)], parse_specifier(specifier))
    if version is None:
        raise ReleaseUnknown(project, asked=specifier or "", present=_present(releases))
    return version, _best_first(file.file for file in releases[version] if file.choosable)


def _offered(file: IndexFile) -> _Offered | None:
    try:
        name = parse_filename(file.filename)
    except ArtifactError:  # an sdist, or something else that is no wheel
        return None
    return _Offered(file=file, name=name, fits=fits(name) and python_fits(file.requires_python))


def _releases(offered: Iterable[_Offered]) -> Mapping[Version, list[_Offered]]:
    releases: defaultdict[Version, list[_Offered]] = defaultdict(list)
    for file in offered:
        releases[Version(file.name.version)].append(file)
    return releases


def _present(releases: Mapping[Version, list[_Offered]]) -> list[str]:
    newest_first = sorted(releases.items(), reverse=True, key=lambda release: release[0])
    return [f"{version}{_why_not(files)}" for version, files in newest_first[:_SHOWN]]


def _why_not(files: Iterable[_Offered]) -> str:
    fitting = [file for file in files if file.fits]
    if not fitting:
        return " (not for this Python or platform)"
    return " (yanked)" if all(file.file.yanked for file in fitting) else ""


def _best_first(files: Iterable[IndexFile]) -> tuple[WheelFile, ...]:
    by_name = {file.filename: WheelFile(url=file.url, filename=file.filename, sha256=file.sha256) for file in files}
    first = best(by_name)
    return tuple(sorted(by_name.values(), key=lambda wheel: wheel.filename != first))
