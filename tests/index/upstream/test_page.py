"""Pages of registries as offers: JSON and HTML alike, whatever stands in them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_index import links
from plugin_index.links import Link
from plugin_index.negotiation import JSON, PLAIN
from plugin_index.nouns import Offer
from plugin_index.upstream.page import offers

BASE = "https://packages.example.com/simple/lib-one/"
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
reasons = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00", exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def rows(draw: st.DrawFn) -> list[Link]:
    made = draw(
        st.lists(
            st.builds(
                Link,
                filename=st.just(""),
                version=st.integers(0, 99).map(lambda number: f"{number}.0"),
                sha256=digests,
                size=st.none() | st.integers(0, 1 << 40),
                uploaded=st.none() | st.just("2026-01-02T03:04:05.678901Z"),
                requires_python=st.none() | st.sampled_from([">=3.9", "<4,>=3.11", "!=3.0.*"]),
                yanked=st.none() | reasons,
                metadata_sha256=st.none() | digests,
            ),
            max_size=5,
            unique_by=lambda link: link.version,
        )
    )
    named = [{name: getattr(link, name) for name in Link.__slots__} for link in made]
    return [Link(**(each | {"filename": f"lib_one-{each['version']}-py3-none-any.whl"})) for each in named]


def told(offer: Offer, *, html: bool) -> dict[str, object]:
    """What both forms can tell."""
    fields = {name: getattr(offer, name) for name in ("filename", "version", "sha256", "requires_python", "yanked", "metadata_sha256")}
    return fields if html else fields | {"size": offer.size, "uploaded": offer.uploaded}


@settings(deadline=None)
@given(rows())
def test_a_page_of_ours_reads_back_as_what_it_says(made: list[Link]) -> None:
    for kind in (JSON, PLAIN):
        found = offers(links.project("lib-one", made, "active", kind).encode(), "lib-one", BASE, json=kind == JSON)
        wanted = sorted(made, key=lambda link: float(link.version), reverse=True)
        assert [offer.url for offer in found] == [f"https://packages.example.com/files/{link.sha256}/{link.filename}" for link in wanted]
        for offer, link in zip(found, wanted, strict=True):
            assert told(offer, html=kind == PLAIN).items() <= {name: getattr(link, name) for name in Link.__slots__}.items()


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.booleans())
def test_whatever_stands_in_a_page_it_is_read_or_refused(body: bytes, in_json: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    with contextlib.suppress(ValueError):
        offers(body, "lib-one", BASE, json=in_json)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=70))
def test_what_is_offered_has_an_address_a_name_and_a_hash(filename: str, url: str, sha256: str) -> None:
    body = json.dumps({"files": [{"filename": filename, "url": url, "hashes": {"sha256": sha256}}]}).encode()
    with contextlib.suppress(ValueError):
        for offer in offers(body, "lib-one", BASE, json=True):
            assert offer.url.startswith(("https:", "http:"))


@pytest.mark.parametrize(
    ("said", "meant"),
    [("", ""), (False, None), (None, None), (True, ""), ("it breaks", "it breaks")],
    ids=["empty", "no", "none", "yes", "why"],
)
def test_yanked_is_read_in_every_form(said: object, meant: str | None) -> None:
    row = {"filename": "lib_one-1.0.tar.gz", "url": "x", "hashes": {"sha256": "0" * 64}, "yanked": said}
    (offer,) = offers(json.dumps({"files": [row]}).encode(), "lib-one", BASE, json=True)
    assert offer.yanked == meant


def test_a_base_in_a_page_counts_and_hashes_may_be_written_large() -> None:
    body = f'<base href="https://files.example.com/a/"><a href="lib_one-1.0.zip#sha256={"A" * 64}">x</a><a>y</a><a href="">z</a>'
    (offer,) = offers(body.encode(), "lib-one", BASE, json=False)
    assert (offer.url, offer.sha256) == ("https://files.example.com/a/lib_one-1.0.zip", "a" * 64)
