"""One project's page of a package index: its files, out of HTML where an index has no JSON (PEP 503, 592)."""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from plughost.errors import SourceInvalid
from plughost.wheel.digest import fragment_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """A file that an index offers, as it says."""

    filename: str
    url: str
    sha256: str | None = None
    requires_python: str | None = None
    yanked: bool = False


def parse_html(raw: bytes, *, source: str, base: str) -> tuple[IndexFile, ...]:
    """The anchors of a project's HTML page as files; raises SourceInvalid where it is no UTF-8 or a hash in it is none."""
    anchors = _Anchors(base)
    try:
        anchors.feed(raw.decode())
    except ValueError as error:
        raise SourceInvalid(source, f"its page cannot be read: {error}") from None
    return tuple(anchors.files)


class _Anchors(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self._base = base
        self.files: list[IndexFile] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take an anchor's file, and the base that a page may set."""
        said = dict(attrs)
        href = said.get("href")
        if href is None:
            return
        if tag == "base":
            self._base = urljoin(self._base, href)
        if tag == "a":
            self.files.append(self._file(urljoin(self._base, href), said))

    def _file(self, url: str, said: dict[str, str | None]) -> IndexFile:
        return IndexFile(
            filename=unquote(urlsplit(url).path.rpartition("/")[2]),
            url=urldefrag(url).url,
            sha256=fragment_sha256(url),
            requires_python=said.get("data-requires-python"),
            yanked="data-yanked" in said,
        )
