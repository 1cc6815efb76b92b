"""What METADATA says for people; it was written by whoever uploaded, so each field is data and none is trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Literal

from packaging.metadata import RawMetadata, parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_WEB = ("http://", "https://")
_LONGEST_LINK = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A page of the project elsewhere."""

    label: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """One Requires-Dist."""

    text: str
    project: str | None
    """Normalised; None where the requirement cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The fields that a page shows."""

    description: str
    kind: str
    """Description-Content-Type without its parameters; empty: not said."""
    variant: Literal["GFM", "CommonMark"]
    """Of Markdown."""
    dependencies: tuple[Dependency, ...]
    links: tuple[Link, ...]
    license: str
    author: str
    keywords: tuple[str, ...]


def facts(metadata: bytes) -> Facts:
    """The facts of a METADATA file; a field that is doubled or malformed counts as not said."""
    raw, _ = parse_email(metadata)
    kind, variant = _kind(raw.get("description_content_type", ""))
    return Facts(
        description=raw.get("description", ""),
        kind=kind,
        variant=variant,
        dependencies=tuple(map(_dependency, raw.get("requires_dist", []))),
        links=tuple(_links(raw)),
        license=raw.get("license_expression", "") or raw.get("license", "").partition("\n")[0],
        author=raw.get("author", "") or raw.get("author_email", "") or raw.get("maintainer", "") or raw.get("maintainer_email", ""),
        keywords=tuple(word.strip() for word in raw.get("keywords", []) if word.strip()),
    )


def _kind(said: str) -> tuple[str, Literal["GFM", "CommonMark"]]:
    message = Message()
    message["content-type"] = said.replace("\n", " ").replace("\r", " ")
    plain = message.get_param("variant") == "CommonMark"
    return (message.get_content_type() if said else ""), "CommonMark" if plain else "GFM"


def _dependency(text: str) -> Dependency:
    try:
        return Dependency(text=text, project=canonicalize_name(Requirement(text).name))
    except InvalidRequirement:
        return Dependency(text=text, project=None)


def _links(raw: RawMetadata) -> Iterator[Link]:
    urls: Mapping[str, str] = raw.get("project_urls", {})
    named = [("Homepage", raw.get("home_page", "")), ("Download", raw.get("download_url", "")), *urls.items()]
    for label, url in named:
        if url.lower().startswith(_WEB) and len(url) <= _LONGEST_LINK and url.isprintable() and " " not in url:
            yield Link(label=label or url, url=url)
