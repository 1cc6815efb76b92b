"""Html escapes whatever is put into it, unless it is HTML too."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment
from markupsafe import Markup

from plughost.sdk import Html

EVIL, SAFE = "<ada & 'eve'>", "&lt;ada &amp; &#x27;eve&#x27;&gt;"
BOLD = Html("<b>x</b>")


class Named:
    name = EVIL

    def __str__(self) -> str:
        return EVIL

    def __repr__(self) -> str:
        return f"Named({EVIL})"


class Widget:
    def __html__(self) -> str:
        return "<i>w</i>"


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: Html("<p>{}</p>").format(EVIL), f"<p>{SAFE}</p>"),
        (lambda: Html("<p>{}</p>").format(BOLD), "<p><b>x</b></p>"),
        (lambda: Html("<p>{0}{1}{0}</p>").format(EVIL, BOLD), f"<p>{SAFE}<b>x</b>{SAFE}</p>"),
        (lambda: Html("<p>{who}</p>").format(who=EVIL), f"<p>{SAFE}</p>"),
        (lambda: Html("{0.name} {1[k]}").format(Named(), {"k": EVIL}), f"{SAFE} {SAFE}"),
        (lambda: Html("{} {!r} {!s}").format(Named(), Named(), Named()), f"{SAFE} Named({SAFE}) {SAFE}"),
        (lambda: Html("{:>4}|{:.2f}|{:>{width}}").format("<", 1.005, "a", width=3), "   &lt;|1.00|  a"),
        (lambda: Html("{{}} {}").format(1), "{} 1"),
        (lambda: Html("{}").format(None), "None"),
        (lambda: Html("{who}").format_map({"who": EVIL}), SAFE),
        (lambda: Html("{}").format(Widget()), "<i>w</i>"),
        (lambda: Html("{}").format(Markup("<u>m</u>")), "<u>m</u>"),
        (lambda: Html("<p>%s</p>") % EVIL, f"<p>{SAFE}</p>"),
        (lambda: Html("<p>%s</p>") % BOLD, "<p><b>x</b></p>"),
        (lambda: Html("%s %r %d %.1f") % (EVIL, EVIL, 7.9, "1.25"), f"{SAFE} &quot;&lt;ada &amp; &#x27;eve&#x27;&gt;&quot; 7 1.2"),
        (lambda: Html("%(who)s %(who)s") % {"who": EVIL}, f"{SAFE} {SAFE}"),
        (lambda: Html("%s") % {EVIL: EVIL}, "{&quot;" + SAFE + "&quot;: &quot;" + SAFE + "&quot;}"),
        (lambda: Html("%s") % [EVIL], "[&quot;" + SAFE + "&quot;]"),
        (lambda: Html("%s") % Widget(), "<i>w</i>"),
        (lambda: Html("100%%"), "100%%"),
        (lambda: BOLD + EVIL, f"<b>x</b>{SAFE}"),
        (lambda: EVIL + BOLD, f"{SAFE}<b>x</b>"),
        (lambda: BOLD + BOLD, "<b>x</b><b>x</b>"),
        (lambda: BOLD + Widget(), "<b>x</b><i>w</i>"),
        (lambda: Widget() + BOLD, "<i>w</i><b>x</b>"),
        (lambda: BOLD + Markup("<u>m</u>"), "<b>x</b><u>m</u>"),
        (lambda: Html("<br>").join([EVIL, BOLD, 3, None]), f"{SAFE}<br><b>x</b><br>3<br>None"),
        (lambda: Html().join(Html("<li>{}").format(each) for each in "<>"), "<li>&lt;<li>&gt;"),
        (lambda: BOLD * 2, "<b>x</b><b>x</b>"),
        (lambda: 2 * BOLD, "<b>x</b><b>x</b>"),
        (lambda: Html.escape(EVIL), SAFE),
        (lambda: Html.escape(BOLD), "<b>x</b>"),
        (lambda: Html("<p>{}</p>").format(Html("<q>{}</q>").format(EVIL)), f"<p><q>{SAFE}</q></p>"),
        (lambda: Html("{}").format(Html.escape("<")), "&lt;"),
    ],
)
def test_what_is_put_in_is_escaped_once(made: Any, expected: str) -> None:
    html = made()
    assert str(html) == expected
    assert type(html) is Html


@pytest.mark.parametrize("put", ["format", "%", "+", "r+", "join", "escape"])
@given(text=st.text())
def test_no_text_gets_a_tag_or_an_entity_in(put: str, text: str) -> None:
    ways = {
        "format": lambda: Html("{}").format(text),
        "%": lambda: Html("%s") % text,
        "+": lambda: Html() + text,
        "r+": lambda: text + Html(),
        "join": lambda: Html().join([text]),
        "escape": lambda: Html.escape(text),
    }
    assert not set("<>\"'") & set(ways[put]())
    assert str(ways[put]()) == str(ways["escape"]())


def test_appending_in_place_escapes() -> None:
    html = Html("<p>")
    html += EVIL
    assert (str(html), type(html)) == (f"<p>{SAFE}", Html)


@pytest.mark.parametrize(
    "wrong", [lambda: BOLD + 1, lambda: 1 + BOLD, lambda: Html("%s") % (1, 2), lambda: Html("%d") % "x", lambda: BOLD % 1]
)
def test_what_is_wrong_with_text_is_wrong_with_html(wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        wrong()


def test_html_is_neither_cut_nor_padded_by_a_format() -> None:
    with pytest.raises(ValueError, match="format the text first"):
        Html("{:.2}").format(BOLD)


def test_pieces_of_html_are_text_again() -> None:
    pieces = [BOLD[1:], BOLD.upper(), BOLD.strip(), BOLD.replace("b", "i"), f"{BOLD}", str(BOLD)]
    assert {type(piece) for piece in pieces} == {str}


def test_markupsafe_and_jinja_take_it_as_it_is() -> None:
    template = Environment(autoescape=True).from_string("{{ html }}{{ text }}{{ html ~ text }}")
    assert template.render(html=BOLD, text="<") == "<b>x</b>&lt;<b>x</b>&lt;"
    assert Markup("<p>{}</p>").format(BOLD) == "<p><b>x</b></p>"
    assert Markup("<p>") + BOLD == "<p><b>x</b>"
    assert str(Markup.escape(BOLD)) == str(BOLD)


def test_it_is_a_string_to_everybody_else() -> None:
    assert isinstance(BOLD, str)
    assert json.dumps(BOLD) == '"<b>x</b>"'
    assert pickle.loads(pickle.dumps(BOLD)) == copy.deepcopy(BOLD) == BOLD
    assert type(pickle.loads(pickle.dumps(BOLD))) is Html
    assert {str(BOLD): 1}[BOLD] == 1
    assert not hasattr(BOLD, "__dict__")
