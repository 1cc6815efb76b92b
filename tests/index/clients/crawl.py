"""What an index's pages say, read as a mirror reads them: HTML and JSON into the same words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import urljoin

JSON = "application/vnd.pypi.simple.v1+json"
HTML = "application/vnd.pypi.simple.v1+html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One file as a project's page has it; `yanked` is None or the reason."""

    filename: str
    url: str
    sha256: str
    metadata_sha256: str
    requires_python: str | None
    yanked: str | None


def links_of_html(text: str, page: str) -> Sequence[Link]:
    """The files of a page at this URL, in its order (PEP 503, 592, 714)."""
    anchors = _anchors(text)
    return [
        Link(
            filename=said,
            url=urljoin(page, href),
            sha256=digest,
            metadata_sha256=(attributes["data-core-metadata"] or "").removeprefix("sha256="),
            requires_python=attributes.get("data-requires-python"),
            yanked=(attributes["data-yanked"] or "") if "data-yanked" in attributes else None,
        )
        for attributes, said in anchors
        for href, _, digest in [(attributes["href"] or "").partition("#sha256=")]
    ]


def links_of_json(text: str, page: str) -> Sequence[Link]:
    """The files of a page at this URL, in its order (PEP 691)."""
    return [
        Link(
            filename=file["filename"],
            url=urljoin(page, file["url"]),
            sha256=file["hashes"]["sha256"],
            metadata_sha256=file["core-metadata"]["sha256"],
            requires_python=file.get("requires-python"),
            yanked=None if file["yanked"] is False else "" if file["yanked"] is True else file["yanked"],
        )
        for file in json.loads(text)["files"]
    ]


def projects_of_html(text: str) -> Sequence[str]:
    """The projects of the root page."""
    return [said for _, said in _anchors(text)]


def projects_of_json(text: str) -> Sequence[str]:
    """The projects of the root page."""
    return [project["name"] for project in json.loads(text)["projects"]]


def _anchors(text: str) -> Sequence[tuple[dict[str, str | None], str]]:
    parser = _Anchors()
    parser.feed(text)
    parser.close()
    return parser.found


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found.append((dict(attrs), ""))
            self._inside = True

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "a"

    def handle_data(self, data: str) -> None:
        if self._inside:
            attributes, said = self.found[-1]
            self.found[-1] = attributes, said + data
