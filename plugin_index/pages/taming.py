"""A README's cleaned HTML, made to fit into the page of a project.

Its headings go below the page's own, its ids cannot be the page's, its links say `rel`, and what would fetch something when
the page is opened (an image tells another site who reads) is a link to follow or not. Whatever is not named here is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from html.parser import HTMLParser

_TEXT = "abbr acronym b br cite code del em hr i kbd span strong sub sup tt var"
_BLOCKS = "aside blockquote caption dd details div dl dt figcaption figure li ol p pre section summary table tbody td th thead tr ul"
_TAGS = frozenset(f"{_TEXT} {_BLOCKS}".split())
_VOID = frozenset(("br", "hr"))
_HEADINGS = {f"h{level}": f"h{min(level + 2, 6)}" for level in range(1, 7)}
_ATTRIBUTES = frozenset(("align", "colspan", "rowspan", "title", "start"))
_CLASSED = frozenset(("span", "aside", "p", "pre", "code"))
_SCHEMES = ("http://", "https://", "mailto:")
PREFIX = "readme-"
Attributes = Mapping[str, str]


def tamed(html: str) -> str:
    """The same text for a page of ours; `html` is what readme_renderer's cleaning gave."""
    taming = _Taming()
    taming.feed(html)
    taming.close()
    return "".join(taming.parts)


class _Taming(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._linked: list[bool] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self._open_link(given)
        elif tag == "img":
            self.parts.append(_image(given, inside=any(self._linked)))
        elif tag == "input" and given.get("type") == "checkbox":
            self.parts.append("☑" if "checked" in given else "☐")
        elif tag in _TAGS or tag in _HEADINGS:
            self.parts.append(_opened(_HEADINGS.get(tag, tag), _harmless(tag, given)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            if self._linked and self._linked.pop():
                self.parts.append("</a>")
        elif (tag in _TAGS or tag in _HEADINGS) and tag not in _VOID:
            self.parts.append(f"</{_HEADINGS.get(tag, tag)}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(escape(data))

    def _open_link(self, given: Attributes) -> None:
        target = _target(given.get("href", ""))
        self._linked.append(bool(target) and not any(self._linked))
        if self._linked[-1]:
            self.parts.append(_link(target))


def _image(given: Attributes, *, inside: bool) -> str:
    text = escape(given.get("alt") or "image")
    target = given.get("src", "")
    if inside or not target.startswith(_SCHEMES[:2]):
        return text
    return f"{_link(target)}{text}</a>"


def _target(href: str) -> str:
    """Where a link may go: another site, or a place in the same README; relative ones have no place to be relative to."""
    if href.startswith("#") and len(href) > 1:
        return f"#{PREFIX}{href[1:]}"
    return href if href.lower().startswith(_SCHEMES) else ""


def _link(target: str) -> str:
    return _opened("a", {"href": target} if target.startswith("#") else {"href": target, "rel": "nofollow noopener"})


def _harmless(tag: str, given: Attributes) -> Attributes:
    kept = {name: value for name, value in given.items() if name in _ATTRIBUTES}
    if given.get("id"):
        kept["id"] = f"{PREFIX}{given['id']}"
    if given.get("class") and tag in _CLASSED:
        kept["class"] = " ".join(f"{PREFIX}{name}" for name in given["class"].split())
    return kept


def _opened(tag: str, attributes: Attributes) -> str:
    said = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<{tag}{said}>"
