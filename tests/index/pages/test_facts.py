"""What METADATA says, however it was written."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plugin_index.pages.facts import Facts, Link, facts

HEAD = "Metadata-Version: 2.1\nName: x\nVersion: 1\n"


def of(*lines: str) -> Facts:
    return facts((HEAD + "\n".join(lines)).encode())


def test_only_links_to_the_web_are_links() -> None:
    said = of(
        "Home-page: https://example.com/home",
        "Project-URL: Source, http://example.com/source",
        "Project-URL: Bad, javascript:alert(1)",
        "Project-URL: Worse, data:text/html,x",
        "Project-URL: File, file:///etc/passwd",
        "Project-URL: Split, https://example.com/ onclick=x",
        f"Project-URL: Long, https://example.com/{'x' * 3000}",
    )
    assert said.links == (Link(label="Homepage", url="https://example.com/home"), Link(label="Source", url="http://example.com/source"))


def test_the_kind_of_a_readme_is_said_with_its_variant() -> None:
    said = of("Description-Content-Type: text/markdown; charset=UTF-8; variant=CommonMark")
    assert (said.kind, said.variant) == ("text/markdown", "CommonMark")
    assert (of().kind, of().variant) == ("", "GFM")
    for other in ("variant=Another", "variant=", "variant=\x00", "variant*=utf-8''x"):
        assert of(f"Description-Content-Type: text/markdown; {other}").variant == "GFM"


def test_a_dependency_that_cannot_be_read_is_shown_and_no_link() -> None:
    said = of("Requires-Dist: Acme.Words>=1; python_version > '3'", "Requires-Dist: what is <this>")
    assert [dependency.project for dependency in said.dependencies] == ["acme-words", None]


def test_of_a_license_that_is_a_whole_text_the_first_line_is_shown() -> None:
    assert of("License: MIT", "        and so on").license == "MIT"
    assert of("License-Expression: Apache-2.0").license == "Apache-2.0"


@settings(deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=300).map(lambda text: HEAD.encode() + text.encode("utf-8", "surrogatepass")))
def test_no_metadata_is_an_error(text: bytes) -> None:
    facts(text)
