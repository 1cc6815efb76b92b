"""The plugin without a host."""

from __future__ import annotations

from acme_notes import _markdown, icon


def test_markdown_becomes_html_and_html_is_escaped() -> None:
    assert "<strong>b</strong>" in str(_markdown("**b** <script>"))
    assert "<script>" not in str(_markdown("<script>"))


def test_the_icon_is_html() -> None:
    assert hasattr(icon(), "__html__")
