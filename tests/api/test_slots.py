"""Slots over HTTP: looked at, and rendered as JSON or HTML."""

from __future__ import annotations

from typing import Any

import pytest

from plughost.api.slots import wants_html
from plughost.testing import RunningHost, wheel
from tests.story.house import HostFactory, Index

Json = dict[str, Any]
SLOTS = """
import asyncio
from plughost.sdk import Html, Plugin

plugin = Plugin()
{body}
"""
ICONS = """
@plugin.slot("icons", order={order})
async def icon(user: str = "you"):
    return Html("<i>{name} {{}}</i>").format(user)
"""


def contributing(name: str, body: str) -> Any:
    return wheel(f"acme-{name}", "1.0", {f"{name}_plugin.py": SLOTS.format(body=body)}, plugins={name: f"{name}_plugin:plugin"})


async def serve(host: RunningHost, index: Index, **bodies: str) -> None:
    await index.list(*(contributing(name, body) for name, body in bodies.items()))
    for name in bodies:
        await host.until_serving(name)


async def rendered(host: RunningHost, path: str) -> Json:
    answer = await host.get(path)
    assert answer.status_code == 200
    shape: Json = answer.json()
    return shape


async def test_slots_are_looked_at_in_order_without_rendering(host: RunningHost, index: Index) -> None:
    never = '@plugin.slot("icons", order=5)\ndef never():\n    raise SystemExit\n'
    await serve(host, index, b=ICONS.format(order=10, name="b"), a=ICONS.format(order=10, name="a"), c=never)

    slots = (await host.ask("GET", "/api/slots")).json()["slots"]
    assert [slot["slot"] for slot in slots] == ["icons"]
    assert [(each["plugin"], each["order"], each["version"]) for each in slots[0]["contributions"]] == [
        ("c", 5, "1.0"),
        ("a", 10, "1.0"),
        ("b", 10, "1.0"),
    ]
    one = (await host.ask("GET", "/api/slots/icons")).json()
    assert one == slots[0]
    generation = (await host.plugin("a") or {})["serving"]["generation"]
    assert one["contributions"][1]["generation"] == generation
    assert (await host.ask("GET", "/api/slots/none")).json() == {"slot": "none", "contributions": []}


async def test_a_slot_is_rendered_in_order(host: RunningHost, index: Index) -> None:
    await serve(host, index, b=ICONS.format(order=1, name="b"), a=ICONS.format(order=2, name="a"))
    answer = await host.get("/slots/icons?user=<ada>")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "slot": "icons",
        "items": [
            {"plugin": "b", "version": "1.0", "content": "<i>b &lt;ada&gt;</i>", "content_type": "text/html"},
            {"plugin": "a", "version": "1.0", "content": "<i>a &lt;ada&gt;</i>", "content_type": "text/html"},
        ],
        "errors": [],
    }
    fragments = await host.get("/slots/icons?user=ada", Accept="text/html")
    assert fragments.headers["content-type"] == "text/html; charset=utf-8"
    assert fragments.text == "<i>b ada</i><i>a ada</i>"
    for each in (answer, fragments):
        assert each.headers["vary"] == "Accept"
        assert each.headers["cache-control"] == "no-store"


async def test_kinds_of_content(host: RunningHost, index: Index) -> None:
    kinds = """
@plugin.slot("kinds", order=1)
def text():
    return "a < b"
@plugin.slot("kinds", order=2)
def value():
    return {"a": [1, 2.5, None, True]}
@plugin.slot("kinds", order=3)
async def html():
    return Html("<b>!</b>")
@plugin.slot("kinds", order=4)
async def nothing():
    return None
"""
    await serve(host, index, kinds=kinds)
    items = (await rendered(host, "/slots/kinds"))["items"]
    assert [(item["content"], item["content_type"]) for item in items] == [
        ("a < b", "text/plain"),
        ({"a": [1, 2.5, None, True]}, "application/json"),
        ("<b>!</b>", "text/html"),
        (None, "application/json"),
    ]
    assert (await host.get("/slots/kinds", Accept="text/html")).text.startswith("a &lt; b")


@pytest.mark.parametrize(
    "content", ["float('nan')", "{1, 2}", "object()", "Html", "{1: {'a': b'x'}}", "'\\udcff'", "['\\udcff']", "Html('\\udcff')", "1 / 0"]
)
async def test_content_that_is_no_json_fails_alone(host: RunningHost, index: Index, content: str) -> None:
    odd = f'@plugin.slot("icons", order=1)\nasync def odd():\n    return {content}\n'
    await serve(host, index, odd=odd, icon=ICONS.format(order=2, name="icon"))
    shape = await rendered(host, "/slots/icons")
    assert [item["content"] for item in shape["items"]] == ["<i>icon you</i>"]
    assert [(error["plugin"], error["code"]) for error in shape["errors"]] == [("odd", "plugin-error")]
    assert (await host.get("/slots/icons", Accept="text/html")).text.startswith("<i>icon you</i>")


PROPS = """
from pydantic import BaseModel

class User(BaseModel):
    name: str
    age: int

@plugin.slot("typed")
async def typed(user: User, tags: list[str] = []):
    return f"{user.name} {user.age} {tags}"

@plugin.slot("queried")
async def queried(count: int, tag: list[str] = []):
    return {"count": count, "tag": tag}

@plugin.slot("anything")
async def anything(props):
    return dict(props)
"""


async def test_a_query_is_props_and_a_repeated_key_is_a_list(host: RunningHost, index: Index) -> None:
    await serve(host, index, props=PROPS)
    items = (await rendered(host, "/slots/queried?count=3&tag=a&tag=b"))["items"]
    assert items[0]["content"] == {"count": 3, "tag": ["a", "b"]}
    items = (await rendered(host, "/slots/anything?x=&y=1&y=2&z=%C3%A9"))["items"]
    assert items[0]["content"] == {"x": "", "y": ["1", "2"], "z": "é"}


async def test_props_are_posted_as_json(host: RunningHost, index: Index) -> None:
    await serve(host, index, props=PROPS)
    answer = await host.http.post("/slots/typed", json={"user": {"name": "ada", "age": 36}, "tags": ["x"]})
    assert [item["content"] for item in answer.json()["items"]] == ["ada 36 ['x']"]
    assert (await host.http.post("/slots/anything")).json()["items"][0]["content"] == {}
    html = await host.http.post("/slots/typed", json={"user": {"name": "<", "age": 1}}, headers={"Accept": "text/html"})
    assert html.text == "&lt; 1 []"


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff", b'"x"', b"[" * 100_000])
async def test_props_that_are_no_json_object(host: RunningHost, body: bytes) -> None:
    answer = await host.http.post("/slots/anything", content=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert "props" in answer.json()["detail"]


async def test_props_that_are_too_large(host: RunningHost) -> None:
    answer = await host.http.post("/slots/anything", content=b'"' + b"x" * (1024 * 1024) + b'"')
    assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid")
    assert "larger than" in answer.json()["detail"]


async def test_props_that_a_contribution_does_not_take_fail_it_alone(host: RunningHost, index: Index) -> None:
    strict = '@plugin.slot("icons", order=1)\nasync def strict(count: int):\n    return count\n'
    await serve(host, index, strict=strict, icon=ICONS.format(order=2, name="icon"))
    shape = await rendered(host, "/slots/icons?count=many")
    assert [item["content"] for item in shape["items"]] == ["<i>icon you</i>"]
    assert [(error["plugin"], error["code"]) for error in shape["errors"]] == [("strict", "request-invalid")]
    assert "count" in shape["errors"][0]["detail"]


async def test_what_fails_or_is_late_is_named_while_the_rest_is_delivered(start: HostFactory, index: Index) -> None:
    late = '@plugin.slot("icons", order=1)\nasync def late():\n    await asyncio.Event().wait()\n'
    fails = '@plugin.slot("icons", order=2)\nasync def fails():\n    raise LookupError("nobody <here> \\udcff")\n'
    async with start(render_deadline=0.5) as host:
        await serve(host, index, late=late, fails=fails, well=ICONS.format(order=3, name="well"))
        shape = await rendered(host, "/slots/icons")
        html = (await host.get("/slots/icons", Accept="text/html")).text

    assert [item["plugin"] for item in shape["items"]] == ["well"]
    errors = {error["plugin"]: error for error in shape["errors"]}
    assert set(errors) == {"late", "fails"}
    assert "nobody <here>" in errors["fails"]["detail"]
    assert "0.5 s" in errors["late"]["detail"]
    assert "_scope_" not in str(shape)
    assert html.startswith("<i>well you</i><!-- plughost: ")
    assert "<here>" not in html


async def test_an_unknown_slot_is_empty(host: RunningHost) -> None:
    assert await rendered(host, "/slots/none") == {"slot": "none", "items": [], "errors": []}
    answer = await host.get("/slots/none", Accept="text/html")
    assert (answer.status_code, answer.text) == (200, "")


@pytest.mark.parametrize(
    ("accept", "html"),
    [
        ("", False),
        ("*/*", False),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/html, */*", True),
        ("text/html, */*;q=0.1", True),
        ("text/*", True),
        ("application/json", False),
        ("application/json, text/html", False),
        ("text/html, application/json", False),
        ("text/html;q=0.9, application/json;q=0.8", True),
        ("text/html;q=0.8, application/json;q=0.9", False),
        ("text/html;q=0", False),
        ("text/html; q=0.5", True),
        ("text/html;Q=0.5, application/json;q=0.4", True),
        ("text/html;q=much", False),
        ("application/*, text/html;q=0.1", False),
        ("text/html;q=0, text/*", False),
        ("application/json;q=0, */*", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", True),
        (", ,;;q=1", False),
    ],
)
def test_what_a_client_prefers(accept: str, html: bool) -> None:  # noqa: FBT001 - a case
    assert wants_html(accept) is html
