"""The style sheet: small, of this index alone, readable by day and by night."""

from __future__ import annotations

import re

import pytest

from plugin_index.pages.templates import HERE

STYLE = (HERE / "style.css").read_text()
DAY, NIGHT = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL))
ON_PAPER = ("ink", "quiet", "link")
ON_RAISED = ("ink", "quiet", "link", "keyword", "string", "comment", "number", "name")


def luminance(colour: str) -> float:
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [DAY, NIGHT], ids=["day", "night"])
def test_every_text_has_the_contrast_that_wcag_asks_for(colours: dict[str, str]) -> None:
    pairs = [(name, "paper") for name in ON_PAPER] + [(name, "raised") for name in ON_RAISED] + [("on", "on-paper"), ("bad", "bad-paper")]
    poor = {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in pairs if contrast(colours[pair[0]], colours[pair[1]]) < 4.5}
    assert not poor


def test_it_fetches_nothing_and_is_small() -> None:
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert len(STYLE) < 10_000
