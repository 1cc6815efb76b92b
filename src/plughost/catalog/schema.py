"""The JSON that indexes send: the plugin list (contract §2), what is revoked, a project's page (PEP 691), who carries a plugin.

An entry is parsed, not validated: what leaves here is a Listing, and what is wrong with an entry is a sentence. A bad entry
says nothing of the good ones; a document of another shape is SourceInvalid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, TypeVar
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from packaging.version import InvalidVersion, Version
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from plughost.catalog.page import IndexFile
from plughost.catalog.source import Answer, taken
from plughost.errors import PlughostError, SourceInvalid
from plughost.model.plugin import Listing, WheelFile, parse_entry, parse_mount, parse_name
from plughost.model.revocation import Reasons
from plughost.wheel.digest import fragment_sha256, parse_integrity
from plughost.wheel.name import WheelName, parse_filename

_Model = TypeVar("_Model", bound=BaseModel)
_REASON = 1000
"""Characters of a reason that are kept: it is shown wherever the refusal is."""


class _Row(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _File(_Row):
    url: str
    integrity: str | None = None


class _Entry(_Row):
    name: str
    remote_entry_url: Annotated[str, Field(alias="remoteEntryUrl")]
    exposed_module: Annotated[str | None, Field(alias="exposedModule")] = None
    version: str | None = None
    integrity: str | None = None
    isolation: Literal["auto", "scope", "process"] | None = None
    mount: str | None = None
    project: str | None = None
    index: str | None = None
    wheels: list[_File] = []


class _PageFile(_Row):
    filename: str
    url: str
    hashes: dict[str, str] = {}
    requires_python: Annotated[str | None, Field(alias="requires-python")] = None
    yanked: bool | str | None = None


class _Meta(_Row):
    api_version: Annotated[str, Field(alias="api-version", pattern=r"^1\.\d+$")]


class _Page(_Row):
    meta: _Meta
    files: list[_PageFile]


class _Plugin(_Row):
    project: str


class _Revocation(_Row):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{64}$")]
    reason: str | None = None


class _Revoked(_Row):
    revoked: list[_Revocation]


class _Wrong(Exception):
    """An entry cannot be taken; the text says why."""


def parse_list(raw: bytes, *, source: str, base: str, index: str | None, hears: Callable[[str], bool], mutable: bool = False) -> Answer:
    """The bytes of a plugin list as listings and problems; entries whose name `hears` denies are passed over.

    `base`: where the list was read, its URLs are relative to that. Raises SourceInvalid where it is no list, or has entries
    of which none is right.
    """
    entries = [(_label(item, number), item) for number, item in enumerate(_array(raw, source), start=1)]
    heard = [(label, item) for label, item in entries if hears(label)]
    times = Counter(label for label, _ in heard)
    listings: list[Listing] = []
    problems: dict[str, str] = {}
    for label, item in heard:
        try:
            if times[label] > 1:
                raise _Wrong(f"it is listed {times[label]} times, so none of them is taken")
            listings.append(_listing(_entry(item), source=source, base=base, index=index, mutable=mutable))
        except (_Wrong, PlughostError) as error:
            problems[label] = str(error)
    return taken(source, listings, problems)


def parse_page(raw: bytes, *, source: str, base: str) -> tuple[IndexFile, ...]:
    """The bytes of a project's JSON page (PEP 691) as files; raises SourceInvalid."""
    files = _document(_Page, raw, source).files
    try:
        return tuple(_index_file(row, base) for row in files)
    except ValueError as error:
        raise SourceInvalid(source, f"it offers what is not a URL: {error}") from None


def _index_file(row: _PageFile, base: str) -> IndexFile:
    return IndexFile(
        filename=row.filename,
        url=urldefrag(urljoin(base, row.url)).url,
        sha256=row.hashes.get("sha256", "").lower() or None,
        requires_python=row.requires_python,
        yanked=bool(row.yanked),
    )


def parse_project(raw: bytes, *, source: str) -> str:
    """The project that carries a plugin, as an index of ours says it; raises SourceInvalid."""
    return _document(_Plugin, raw, source).project


def parse_revoked(raw: bytes, *, source: str) -> Reasons:
    """What an index has revoked, and why; raises SourceInvalid, for half of such a list is worse than the one before."""
    rows = _document(_Revoked, raw, source).revoked
    return {row.sha256.lower(): (row.reason or "no reason was given")[:_REASON] for row in rows}


def _array(raw: bytes, source: str) -> Sequence[object]:
    try:
        document = from_json(raw)
    except ValueError as error:
        raise SourceInvalid(source, f"not JSON: {error}") from None
    if not isinstance(document, list):
        raise SourceInvalid(source, f"a plugin list is a JSON array, this is {type(document).__name__}")
    return document


def _document(kind: type[_Model], raw: bytes, source: str) -> _Model:
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise SourceInvalid(source, _sentence(error)) from None


def _label(item: object, number: int) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return name[:100] if isinstance(name, str) and name else f"entry {number}"


def _entry(item: object) -> _Entry:
    try:
        return _Entry.model_validate(item)
    except ValidationError as error:
        raise _Wrong(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or 'it'}: {row['msg']}" for row in found[:3])


def _listing(entry: _Entry, *, source: str, base: str, index: str | None, mutable: bool) -> Listing:
    name = parse_name(entry.name)
    first, parsed = _wheel(_File(url=entry.remote_entry_url, integrity=entry.integrity), base)
    wheels = {first.filename: first}
    for row in entry.wheels:
        wheel, other = _wheel(row, base)
        if (other.project, Version(other.version)) != (parsed.project, Version(parsed.version)):
            raise _Wrong(f"{wheel.filename} is not of the same release as {first.filename}")
        wheels[wheel.filename] = _joined(wheels.get(wheel.filename, wheel), wheel)
    return Listing(
        name=name,
        version=_version(entry.version, parsed),
        wheels=tuple(wheels.values()),
        entry=None if entry.exposed_module is None else parse_entry(entry.exposed_module),
        project=entry.project,
        mount=None if entry.mount is None else parse_mount(entry.mount),
        isolation=entry.isolation or "auto",
        source=source,
        index=index if entry.index is None else _absolute(base, entry.index),
        mutable=mutable,
    )


def _wheel(row: _File, base: str) -> tuple[WheelFile, WheelName]:
    url = _absolute(base, row.url)
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    return WheelFile(url=urldefrag(url).url, filename=filename, sha256=_sha256(row, filename)), parse_filename(filename)


def _sha256(row: _File, filename: str) -> str | None:
    try:
        told = fragment_sha256(row.url)
        promised = told if row.integrity is None else parse_integrity(row.integrity)
    except ValueError as error:
        raise _Wrong(f"{filename}: {error}") from None
    if told not in (None, promised):
        raise _Wrong(f"{filename}: integrity and the URL's fragment promise different bytes")
    return promised


def _joined(one: WheelFile, other: WheelFile) -> WheelFile:
    if one.sha256 and other.sha256 and one.sha256 != other.sha256:
        raise _Wrong(f"{one.filename} is listed with two hashes")
    return WheelFile(url=one.url, filename=one.filename, sha256=one.sha256 or other.sha256)


def _version(told: str | None, parsed: WheelName) -> str:
    try:
        version = Version(parsed.version if told is None else told)
    except InvalidVersion:
        raise _Wrong(f"version {told!r} is not a version (PEP 440)") from None
    if version != Version(parsed.version):
        raise _Wrong(f"version {told} is listed, and the file is {parsed.filename}")
    return str(version)


def _absolute(base: str, url: str) -> str:
    """The URL as it is from the list's point of view: of a scheme that can be fetched, and without credentials."""
    try:
        parts = urlsplit(whole := urljoin(base, url))
        _ = parts.port
    except ValueError as error:
        raise _Wrong(f"{url!r} is not a URL: {error}") from None
    allowed = {"http", "https", *({"file"} if base.startswith("file:") else ())}
    if parts.scheme not in allowed or (parts.scheme != "file" and not parts.hostname):
        raise _Wrong(f"{url!r} is not a URL that can be fetched ({', '.join(sorted(allowed))})")
    if "@" in parts.netloc:
        raise _Wrong(f"the URL of {parts.path.rpartition('/')[2]} carries credentials; a source's token goes into the host's settings")
    return whole
