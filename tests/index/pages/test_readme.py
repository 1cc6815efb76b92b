"""READMEs: what an uploader wrote, as HTML that can do nothing."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readme_renderer.clean import clean

from plugin_index.pages.facts import Facts, facts
from plugin_index.pages.readme import LARGEST, Readme, Readmes
from plugin_index.pages.rendering import rendered
from plugin_index.pages.taming import tamed
from tests.index.pages import hostile

TEXT = "a abbr acronym b br cite code del em hr i kbd span strong sub sup tt var h3 h4 h5 h6"
BLOCKS = "aside blockquote caption dd details div dl dt figcaption figure li ol p pre section summary table tbody td th thead tr ul"
ALLOWED = frozenset(f"{TEXT} {BLOCKS}".split())
HARMLESS = frozenset(("align", "colspan", "rowspan", "title", "start", "id", "class", "href", "rel"))
BITS = "< > </ <script> <img|src=x|onerror=y> <a|href=' javascript: ' \" <!-- --> <svg> <style> &lt; <p|id=x>"
MARKS = "<details> </a> </p> <![CDATA[ ]]> ` ``` \n \n\n [x]( ) ![ ]( # > <textarea> \0 |"
PIECES = st.sampled_from([piece.replace("|", " ") for piece in f"{BITS} {MARKS}".split(" ")])


class Tags(HTMLParser):
    """All tags of a text with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def said(text: str, kind: str = "text/markdown") -> Facts:
    return facts(f"Metadata-Version: 2.1\nName: x\nVersion: 1\nDescription-Content-Type: {kind}\n\n{text}".encode())


def harmless(html: str) -> None:
    for tag, attributes in Tags(html).found:
        assert tag in ALLOWED
        assert attributes.keys() <= HARMLESS, attributes
        assert attributes.get("href", "#readme-").startswith(("http://", "https://", "mailto:", "#readme-")), attributes
        assert attributes.get("id", "readme-").startswith("readme-")
        assert all(name.startswith("readme-") for name in attributes.get("class", "").split())


async def shown(text: str, kind: str = "text/markdown") -> Readme:
    readme = await Readmes().of("some-hash", said(text, kind))
    assert readme is not None
    return readme


async def test_a_hostile_markdown_has_nothing_left_that_runs_or_fetches() -> None:
    readme = await shown(hostile.MARKDOWN)
    assert not readme.note
    harmless(readme.html)
    assert "A heading" in readme.html
    assert "&lt;script&gt;" in readme.html


async def test_a_link_to_the_web_stays_and_says_that_we_do_not_vouch_for_it() -> None:
    links = [attributes for tag, attributes in Tags((await shown(hostile.MARKDOWN)).html).found if tag == "a"]
    outside = {link["href"]: link["rel"] for link in links if not link["href"].startswith("#")}
    assert outside == dict.fromkeys(
        ("https://example.com/pixel.png", "https://example.com/fine", "https://example.com/badge.svg", "https://example.com/build"),
        "nofollow noopener",
    )


async def test_an_image_is_a_link_and_inside_a_link_its_words() -> None:
    html = (await shown("![a badge](https://example.com/b.svg) [![words](https://example.com/b.svg)](https://example.com/to)")).html
    assert '<a href="https://example.com/b.svg" rel="nofollow noopener">a badge</a>' in html
    assert '<a href="https://example.com/to" rel="nofollow noopener">words</a>' in html


async def test_its_headings_go_below_those_of_the_page_and_can_be_linked() -> None:
    html = (await shown("# One\n\n###### Six\n\n[up](#one)")).html
    tags = Tags(html).found
    assert [tag for tag, _ in tags if tag.startswith("h")] == ["h3", "h6"]
    target = next(attributes["href"] for tag, attributes in tags if tag == "a" and attributes["href"] != "#")
    assert target.removeprefix("#") in {attributes.get("id") for _, attributes in tags}


async def test_a_task_list_has_no_form_fields() -> None:
    html = (await shown("- [x] done\n- [ ] open")).html
    assert "☑" in html
    assert "☐" in html
    assert "input" not in html


async def test_restructured_text_is_rendered() -> None:
    readme = await shown("Title\n=====\n\nA `link <https://example.com/x>`_.\n\n.. code:: python\n\n   def f(): pass\n", "text/x-rst")
    harmless(readme.html)
    assert "<h3>Title" in readme.html
    assert 'class="readme-k"' in readme.html


@pytest.mark.parametrize("text", [hostile.RST_RAW, hostile.RST_INCLUDE, hostile.RST_FILE, hostile.RST_TABLE, hostile.RST_LINK])
async def test_restructured_text_reads_no_file_and_has_no_raw_html(text: str) -> None:
    readme = await shown(text, "text/x-rst")
    harmless(readme.html)
    assert "root:" not in readme.html
    assert "<script" not in readme.html


async def test_what_is_no_restructured_text_is_shown_as_it_is_and_says_so() -> None:
    readme = await shown("Title\n==\n\n.. nonsense:: <b>\n", "text/x-rst")
    assert "cannot be rendered as text/x-rst" in readme.note
    assert readme.html.startswith("<pre>")
    assert "&lt;b&gt;" in readme.html


@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/octet-stream", "nonsense/../x; charset=y"])
async def test_any_other_kind_is_plain_text(kind: str) -> None:
    readme = await shown("<b>bold</b>", kind)
    assert readme.html == "<pre>&lt;b&gt;bold&lt;/b&gt;</pre>"


async def test_a_huge_readme_is_cut_and_not_rendered() -> None:
    readme = await shown("*a* " * LARGEST)
    assert len(readme.html) < LARGEST + 100
    assert "too long" in readme.note


async def test_a_small_readme_that_would_be_huge_html_is_shown_as_it_is() -> None:
    readme = await shown("- \n" * (LARGEST // 4) + "".join(f"`{number}` " for number in range(20_000)))
    assert len(readme.html) < 2 * LARGEST


async def test_a_readme_that_takes_too_long_is_shown_as_it_is() -> None:
    readme = await Readmes(deadline=0.0).of("some-hash", said("# One"))
    assert readme == Readme(html="<pre># One</pre>", note="As it was written: it cannot be rendered as text/markdown.")


async def test_no_readme_is_none() -> None:
    assert await Readmes().of("some-hash", said("  \n")) is None


async def test_each_is_rendered_once() -> None:
    readmes = Readmes()
    first = await readmes.of("some-hash", said("# One"))
    assert await readmes.of("some-hash", said("# Two, under the same hash")) is first
    assert await readmes.of("another", said("# Two")) is not first


async def test_who_reads_what_is_rendered_waits_for_no_other() -> None:
    readmes = Readmes()
    first = await readmes.of("some-hash", said("# One"))
    another = asyncio.create_task(readmes.of("another", said("# Two")))
    await asyncio.sleep(0)
    assert await readmes.of("some-hash", said("# One")) is first
    assert not another.done()
    assert await another is not None


async def test_whoever_gives_up_waiting_leaves_no_lock_behind() -> None:
    readmes = Readmes()
    waiting = asyncio.create_task(readmes.of("some-hash", said("# One")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    again = await readmes.of("some-hash", said("# One"))
    assert again is not None
    assert "One" in again.html


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join))
def test_no_text_gets_through_the_cleaning(text: str) -> None:
    harmless(rendered(text, "text/markdown", "GFM") or "")
    harmless(tamed(clean(text) or ""))
