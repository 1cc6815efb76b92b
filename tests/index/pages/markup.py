"""A page as a test reads it: its tags, links, headings and words, and whether it is well made."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import httpx

VOID = frozenset(("meta", "link", "img", "br", "hr"))
REFERENCES = ("href", "src")


@dataclass
class Markup(HTMLParser):
    """All of a page; AssertionError where a tag is not closed, or closed but not open."""

    text: str
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self.feed(self.text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), attrs
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.tags if "id" in attributes]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.tags if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()]

    @property
    def links(self) -> list[str]:
        return [attributes[name] for _, attributes in self.tags for name in REFERENCES if name in attributes]

    def link(self, words: str) -> str:
        """Where the first link with these words goes."""
        piece = self.text[: self.text.index(f">{words}</a>")].rpartition("<a ")[2]
        return Markup(f"<a {piece}></a>").tags[0][1]["href"]

    def well_made(self) -> None:
        """What a reader who does not see the page, or sees it on a phone, needs."""
        assert ("html", {"lang": "en"}) in self.tags
        assert len(self.ids) == len(set(self.ids)), self.ids
        assert self.headings[0] == 1
        assert self.headings.count(1) == 1
        assert all(after - before <= 1 for before, after in zip(self.headings, self.headings[1:], strict=False)), self.headings
        assert all("alt" in attributes for tag, attributes in self.tags if tag == "img")
        assert any(attributes.get("name") == "viewport" for tag, attributes in self.tags if tag == "meta")
        assert {"title", "main", "header", "footer"} <= {tag for tag, _ in self.tags}
        assert self.tags.count(("table", {"class": "cards"})) <= self.tags.count(("caption", {}))

    def inert(self) -> None:
        """Nothing in it runs, fetches from elsewhere, or sends."""
        assert not {"script", "iframe", "object", "embed", "form", "input", "base", "style", "svg"} & {tag for tag, _ in self.tags}
        for _, attributes in self.tags:
            assert not any(name.startswith("on") or name in {"style", "http-equiv", "srcdoc"} for name in attributes), attributes
            assert urlsplit(attributes.get("href", "")).scheme in {"", "http", "https", "mailto"}
            assert not urlsplit(attributes.get("src", "")).netloc


async def page(client: httpx.AsyncClient, path: str, **headers: str) -> Markup:
    """A page that is there, well made and inert."""
    answer = await client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    made = Markup(answer.text)
    made.well_made()
    made.inert()
    return made


async def all_resolve(client: httpx.AsyncClient, path: str, prefix: str = "") -> list[str]:
    """Follow every link of the page that stays on this index, as a browser would that sees it below the prefix; what they are."""
    place = f"{client.base_url}".rstrip("/") + prefix + path
    markup = await page(client, path, **({"X-Forwarded-Prefix": prefix} if prefix else {}))
    here = {urldefrag(urljoin(place, link)) for link in markup.links}
    mine = {each for each in here if urlsplit(each.url).netloc == urlsplit(place).netloc}
    for url, fragment in mine:
        assert url.startswith(f"{client.base_url}".rstrip("/") + prefix), url
        asked = urlsplit(url)._replace(scheme="", netloc="").geturl().removeprefix(prefix)
        answer = await client.get(asked, headers={"X-Forwarded-Prefix": prefix} if prefix else {})
        assert answer.status_code == 200, url
        if fragment:
            assert f'id="{fragment}"' in answer.text, (url, fragment)
    return sorted(urlsplit(each.url).path for each in mine)
