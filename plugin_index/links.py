"""The pages of the simple repository API (PEP 503, 592, 629, 658, 691, 700, 714, 792) as texts, from what is known of files.

URLs are relative, so that it works behind any prefix.
"""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from plugin_index.negotiation import JSON, VERSION
from plugin_index.nouns import File

Status = Literal["active", "quarantined"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One file as a simple page offers it; None: not known."""

    filename: str
    version: str
    sha256: str
    size: int | None
    uploaded: str | None
    """RFC 3339, UTC."""
    requires_python: str | None
    yanked: str | None
    """The reason; None: not yanked."""
    metadata_sha256: str | None

    @classmethod
    def to(cls, file: File) -> Link:
        """The link to a file of our own."""
        return cls(
            filename=file.filename,
            version=file.version,
            sha256=file.sha256,
            size=file.size,
            uploaded=datetime.fromtimestamp(file.uploaded, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
            requires_python=file.requires_python,
            yanked=file.yanked,
            metadata_sha256=file.metadata_sha256,
        )

    @property
    def url(self) -> str:
        """From a project's page."""
        return f"../../files/{self.sha256}/{quote(self.filename)}"


def root(projects: Sequence[str], kind: str) -> str:
    """The page of all projects."""
    if kind == JSON:
        return json.dumps({"meta": {"api-version": VERSION}, "projects": [{"name": name} for name in projects]})
    links = "\n".join(f'<a href="{html.escape(name)}/">{html.escape(name)}</a><br>' for name in projects)
    return document("Simple index", links)


def project(name: str, links: Sequence[Link], status: Status, kind: str) -> str:
    """The page of one project's files, as given."""
    if kind == JSON:
        return json.dumps(
            {
                "meta": {"api-version": VERSION},
                "name": name,
                "project-status": {"status": status},
                "versions": list(dict.fromkeys(link.version for link in reversed(links))),
                "files": [_file(link) for link in links],
            }
        )
    body = "\n".join(map(_anchor, links))
    return document(f"Links for {html.escape(name)}", body, f'<meta name="pypi:project-status" content="{status}">')


def missing(why: str, kind: str) -> str:
    """The page that is not there."""
    if kind == JSON:
        return json.dumps({"meta": {"api-version": VERSION}, "message": why})
    return document("Not found", html.escape(why))


def document(title: str, body: str, head: str = "") -> str:
    """A page of HTML."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><meta name="pypi:repository-version" content="{VERSION}">{head}<title>{title}</title></head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""


def _file(link: Link) -> dict[str, object]:
    known = {"size": link.size, "upload-time": link.uploaded, "requires-python": link.requires_python}
    shape: dict[str, object] = {"filename": link.filename, "url": link.url, "hashes": {"sha256": link.sha256}}
    shape |= {name: value for name, value in known.items() if value is not None}
    if link.metadata_sha256:
        # Not under its first name, `dist-info-metadata`, too: pip 22.3 to 23.1 breaks at that in JSON (PEP 714).
        shape["core-metadata"] = {"sha256": link.metadata_sha256}
    return shape | {"yanked": False if link.yanked is None else (link.yanked or True)}


def _anchor(link: Link) -> str:
    attributes = {"href": f"{link.url}#sha256={link.sha256}"}
    if link.metadata_sha256:
        attributes |= dict.fromkeys(("data-core-metadata", "data-dist-info-metadata"), f"sha256={link.metadata_sha256}")
    if link.requires_python:
        attributes["data-requires-python"] = link.requires_python
    if link.yanked is not None:
        attributes["data-yanked"] = link.yanked
    said = " ".join(f'{name}="{html.escape(value)}"' for name, value in attributes.items())
    return f"<a {said}>{html.escape(link.filename)}</a><br>"
