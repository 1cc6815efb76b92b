"""A registry's page of one project as offers: JSON (PEP 691, 700) or HTML (PEP 503, 592, 658, 714).

Left out is what nobody could check or place: a file without a sha256, of another project, or with a name that is neither a
wheel's nor a source archive's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html.parser import HTMLParser
from typing import Annotated
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, Field

from plughost.errors import ArtifactError
from plughost.wheel import parse_filename
from plugin_index.nouns import Offer

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")
_PLAIN = re.compile(r"[A-Za-z0-9_.!+-]{1,255}")
_CORE = ("data-core-metadata", "data-dist-info-metadata")


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True, populate_by_name=True)

    filename: str
    url: str
    hashes: dict[str, str] = {}
    size: Annotated[int | None, Field(ge=0)] = None
    uploaded: Annotated[str | None, Field(alias="upload-time")] = None
    requires_python: Annotated[str | None, Field(alias="requires-python")] = None
    yanked: bool | str | None = None
    core: Annotated[bool | dict[str, str] | None, Field(alias="core-metadata")] = None
    core_before: Annotated[bool | dict[str, str] | None, Field(alias="dist-info-metadata")] = None


class _Page(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    files: list[_File]


def offers(body: bytes, project: str, base: str, *, json: bool) -> tuple[Offer, ...]:
    """What the page offers, newest version first; ValueError where it is no such page."""
    found: dict[str, tuple[Version, Offer]] = {}
    for file in _in_json(body) if json else _in_html(body, base):
        version = _version(file.filename, project)
        if version is not None and (offer := _offer(file, project, version, base)) is not None:
            found.setdefault(file.filename, (version, offer))
    newest = sorted(found.values(), key=lambda each: (each[0], each[1].filename), reverse=True)
    return tuple(offer for _, offer in newest)


def _offer(file: _File, project: str, version: Version, base: str) -> Offer | None:
    sha256, url = _hash(file.hashes), urldefrag(urljoin(base, file.url)).url
    # Only a folder of this machine may offer what is in a folder of this machine.
    if sha256 is None or not url.startswith(("https:", "http:", *(["file:"] if base.startswith("file:") else []))):
        return None
    return Offer(
        filename=file.filename,
        project=project,
        version=str(version),
        sha256=sha256,
        url=url,
        size=file.size,
        uploaded=file.uploaded if file.uploaded and _MOMENT.fullmatch(file.uploaded) else None,
        requires_python=file.requires_python or None,
        yanked=file.yanked if isinstance(file.yanked, str) else "" if file.yanked else None,
        metadata_sha256=_hash(file.core) or _hash(file.core_before),
    )


def _version(filename: str, project: str) -> Version | None:
    """The version that a file's name tells, if it is the project's."""
    try:
        if filename.endswith(".whl"):
            name = parse_filename(filename)
            return Version(name.version) if name.project == project else None
        said, version = parse_sdist_filename(filename)
    except (ArtifactError, InvalidSdistFilename):
        return None
    return version if said == project and _PLAIN.fullmatch(filename) else None


def _hash(said: object) -> str | None:
    found = said.get("sha256", "").lower() if isinstance(said, Mapping) else ""
    return found if _SHA256.fullmatch(found) else None


def _in_json(body: bytes) -> Iterable[_File]:
    return _Page.model_validate_json(body).files


def _in_html(body: bytes, base: str) -> Iterable[_File]:
    anchors = _Anchors(base)
    anchors.feed(body.decode())
    anchors.close()
    return anchors.files


class _Anchors(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.files: list[_File] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an anchor's file, and the base that a page may set."""
        said = dict(attrs)
        if (href := said.get("href")) is None:
            return
        if tag == "base":
            self._base = urljoin(self._base, href)
        elif tag == "a":
            self.files.append(_file(urljoin(self._base, href), said))


def _file(url: str, said: Mapping[str, str | None]) -> _File:
    core = next((value for name in _CORE if (value := said.get(name))), "")
    return _File(
        filename=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=url,
        hashes=_hashes(urlsplit(url).fragment),
        yanked=(said["data-yanked"] or True) if "data-yanked" in said else None,
        requires_python=said.get("data-requires-python"),
        core=_hashes(core),
    )


def _hashes(said: str) -> dict[str, str]:
    """What `sha256=<digits>` promises."""
    name, _, value = said.partition("=")
    return {name: value.partition("&")[0]} if value else {}
