"""What a render function asks for by its signature is what it gets, coerced; the rest it does not see."""

from __future__ import annotations

import pytest

from plughost.errors import PropsInvalid
from tests.runtime.conftest import Bench, rendered

HEAD = """
from __future__ import annotations
import functools
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TYPE_CHECKING
from pydantic import BaseModel, Field
from plughost.sdk import Plugin
if TYPE_CHECKING:
    from nowhere import Nothing

class User(BaseModel):
    name: str
    age: int = 0

@dataclass
class Point:
    x: int

class Odd: ...
odd = Odd()
plugin = Plugin()
slot = plugin.slot("icons")
"""


def told(source: str) -> str:
    return HEAD + source


LOGGED = """
def logged(f):
    @functools.wraps(f)
    def inner(*a, **k): return f(*a, **k)
    return inner
"""
GIVES = {
    # Only what it takes
    "nothing": ("@slot\ndef f(): return 'x'", {"user": "ada"}, "x"),
    "one of two": ("@slot\ndef f(user): return user", {"user": "ada", "room": 1}, "ada"),
    "a default that is not given": ("@slot\ndef f(user, size=7): return [user, size]", {"user": "ada"}, ["ada", 7]),
    "a default that is given": ("@slot\ndef f(user, size=7): return [user, size]", {"user": "ada", "size": 8}, ["ada", 8]),
    "keyword-only": ("@slot\ndef f(*, user): return user", {"user": "ada"}, "ada"),
    "positional-only": ("@slot\ndef f(user, room, /): return [user, room]", {"room": 1, "user": "ada"}, ["ada", 1]),
    "positional-only defaults": ("@slot\ndef f(a=1, b=2, /, c=3): return [a, b, c]", {"b": 5, "c": 6}, [1, 5, 6]),
    "the rest": ("@slot\ndef f(user, **rest): return [user, rest]", {"user": "ada", "room": 1}, ["ada", {"room": 1}]),
    "the rest beside a positional-only": ("@slot\ndef f(user, /, **rest): return rest", {"user": "ada", "room": 1}, {"room": 1}),
    "variadic positions get nothing": ("@slot\ndef f(*args, user): return [args, user]", {"user": "ada"}, [(), "ada"]),
    # All of them
    "props": ("@slot\ndef f(props): return props", {"user": "ada", "room": 1}, {"user": "ada", "room": 1}),
    "props by name": ("@slot\ndef f(*, props): return props", {"user": "ada"}, {"user": "ada"}),
    "props as a dict": ("@slot\ndef f(props: dict[str, int]): return props", {"a": "1"}, {"a": 1}),
    "props as a model": ("@slot\ndef f(props: User): return [props.name, props.age]", {"name": "ada", "age": "3"}, ["ada", 3]),
    "props beside another is a prop": ("@slot\ndef f(props, user): return [props, user]", {"props": 1, "user": 2}, [1, 2]),
    "**props is the rest": ("@slot\ndef f(**props): return props", {"user": "ada"}, {"user": "ada"}),
    # Coerced
    "an int": ("@slot\ndef f(n: int): return n + 1", {"n": "41"}, 42),
    "a bool": ("@slot\ndef f(on: bool): return on", {"on": "yes"}, True),
    "a list": ("@slot\ndef f(ids: list[int]): return ids", {"ids": ["1", "2"]}, [1, 2]),
    "an optional": ("@slot\ndef f(n: int | None = None): return n", {"n": None}, None),
    "constrained": ("@slot\ndef f(n: Annotated[int, Field(ge=1)]): return n", {"n": "1"}, 1),
    "a model": ("@slot\ndef f(user: User): return [type(user).__name__, user.age]", {"user": {"name": "ada", "age": "3"}}, ["User", 3]),
    "a dataclass": ("@slot\ndef f(at: Point): return at.x", {"at": {"x": "3"}}, 3),
    "a literal": ("@slot\ndef f(size: Literal['s', 'm']): return size", {"size": "m"}, "m"),
    "anything": ("@slot\ndef f(a: Any, b): return [a, b]", {"a": 1, "b": "2"}, [1, "2"]),
    "a class that pydantic does not know": ("@slot\ndef f(it: Odd = odd): return type(it).__name__", {}, "Odd"),
    "an annotation that names nothing": ("@slot\ndef f(n: Nothing): return n", {"n": "1"}, "1"),
    "an annotation that raises": ("@slot\ndef f(n: 1/0): return n", {"n": "1"}, "1"),
    # Every kind of function
    "async": ("@slot\nasync def f(n: int): return n", {"n": "1"}, 1),
    "a partial": ("def f(size, user: int): return [size, user]\nslot(functools.partial(f, 7))", {"user": "1"}, [7, 1]),
    "a partial by name": ("def f(user, size: int): return [user, size]\nslot(functools.partial(f, size=7))", {"user": "a"}, ["a", 7]),
    "an async partial": ("async def f(size, n: int): return [size, n]\nslot(functools.partial(f, 7))", {"n": "1"}, [7, 1]),
    "an object": ("class R:\n    def __call__(self, n: int): return n\nslot(R())", {"n": "1"}, 1),
    "an async object": ("class R:\n    async def __call__(self, n: int): return n\nslot(R())", {"n": "1"}, 1),
    "a method": ("class R:\n    def it(self, n: int): return n\nslot(R().it)", {"n": "1"}, 1),
    "a static method": ("class R:\n    @staticmethod\n    async def it(n: int): return n\nslot(R.it)", {"n": "1"}, 1),
    "a lambda": ("slot(lambda n: n)", {"n": "1"}, "1"),
    "decorated": (f"{LOGGED}@slot\n@logged\nasync def f(n: int): return n", {"n": "1"}, 1),
}


@pytest.mark.parametrize(("source", "props", "content"), GIVES.values(), ids=GIVES.keys())
async def test_a_render_gets_what_its_signature_says(bench: Bench, source: str, props: dict[str, object], content: object) -> None:
    async with bench.start(told(source)) as unit:
        assert await rendered(unit, **props) == content


@pytest.mark.parametrize(
    ("source", "sync"),
    [
        ("@slot\ndef f(): ...", True),
        ("@slot\nasync def f(): ...", False),
        ("async def f(a): ...\nslot(functools.partial(functools.partial(f), 1))", False),
        ("class R:\n    async def __call__(self): ...\nslot(R())", False),
        ("class R:\n    def __call__(self): ...\nslot(R())", True),
        ("class R:\n    async def it(self): ...\nslot(R().it)", False),
        ("slot(lambda: '')", True),
    ],
)
async def test_what_may_block_is_told_from_what_may_not(bench: Bench, source: str, sync: bool) -> None:  # noqa: FBT001 - a parameter of the test
    async with bench.start(told(source)) as unit:
        assert unit.contributions[0].sync is sync


@pytest.mark.parametrize(
    ("source", "props", "problems"),
    [
        ("@slot\ndef f(user, room): ...", {}, ["room is missing", "user is missing"]),
        ("@slot\ndef f(user, /): ...", {}, ["user is missing"]),
        ("@slot\ndef f(n: int): ...", {"n": "x"}, ["n: Input should be a valid integer, unable to parse string as an integer"]),
        ("@slot\ndef f(n: int, user): ...", {"n": []}, ["n: Input should be a valid integer", "user is missing"]),
        (
            "@slot\ndef f(user: User): ...",
            {"user": {"age": "x"}},
            ["user.age: Input should be a valid integer, unable to parse string as an integer", "user.name: Field required"],
        ),
        (
            "@slot\ndef f(ids: list[int]): ...",
            {"ids": ["1", "x"]},
            ["ids.1: Input should be a valid integer, unable to parse string as an integer"],
        ),
        ("@slot\ndef f(props: User): ...", {"age": 1}, ["name: Field required"]),
        ("@slot\ndef f(it: Odd): ...", {"it": 1}, ["it: Input should be an instance of Odd"]),
        ("@slot\nasync def f(n: int): ...", {"n": "x"}, ["n: Input should be a valid integer, unable to parse string as an integer"]),
    ],
)
async def test_props_that_do_not_fit_are_named_before_anything_runs(
    bench: Bench, source: str, props: dict[str, object], problems: list[str]
) -> None:
    async with bench.start(told(source)) as unit:
        with pytest.raises(PropsInvalid) as refused:
            await rendered(unit, **props)
    assert refused.value.problems == problems
    assert refused.value.slot == "icons"
    assert "_scope_" not in refused.value.detail


async def test_a_render_is_called_with_the_values_that_were_checked_and_the_props_stay_as_they_are(bench: Bench) -> None:
    async with bench.start(told("@slot\ndef f(ids: list[int]): ids.append(3); return ids")) as unit:
        props = {"ids": ["1"]}
        assert await rendered(unit, **props) == [1, 3]
        assert props == {"ids": ["1"]}
