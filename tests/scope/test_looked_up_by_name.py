"""What the standard library and shared libraries look up by a class's module name is found."""

from __future__ import annotations

import inspect
import logging
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pydantic

Run = Callable[..., Any]

MODELS = """
from __future__ import annotations
import abc, collections, dataclasses, enum, logging, typing
from typing import ClassVar, NamedTuple, Optional, TypedDict

log = logging.getLogger(__name__)

@dataclasses.dataclass
class Row:
    x: int
    later: Optional[Later] = None
    shared: ClassVar[int] = 3

class Later: ...
class Color(enum.Enum):
    RED = 1
class Flags(enum.Flag):
    A = 1
    B = 2
class Point(NamedTuple):
    a: int
Pair = collections.namedtuple("Pair", "a b")
class Keys(TypedDict):
    later: Later
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
def function(later: Later) -> Optional[Row]: ...
class Outer:
    class Inner: ...
"""


def test_type_hints_written_as_text_are_resolved(run: Run) -> None:
    models = run({"acme.py": "import models as plugin\n", "models.py": MODELS})

    assert typing.get_type_hints(models.Row)["later"] == models.Later | None
    assert typing.get_type_hints(models.Keys) == {"later": models.Later}
    assert typing.get_type_hints(models.function) == {"later": models.Later, "return": models.Row | None}


def test_a_dataclass_knows_its_class_variables_when_annotations_are_text(run: Run) -> None:
    import dataclasses

    models = run({"acme.py": "import models as plugin\n", "models.py": MODELS})

    assert [field.name for field in dataclasses.fields(models.Row)] == ["x", "later"]
    assert dataclasses.replace(models.Row(1), x=2).x == 2


def test_objects_are_pickled_and_read_back_by_their_mangled_name(run: Run) -> None:
    models = run({"acme.py": "import models as plugin\n", "models.py": MODELS})

    for thing in (models.Row(1), models.Color.RED, models.Flags.A | models.Flags.B, models.Point(1), models.Pair(1, 2)):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            assert pickle.loads(pickle.dumps(thing, protocol)) == thing
    assert pickle.loads(pickle.dumps(models.function)) is models.function
    assert pickle.loads(pickle.dumps(models.Outer.Inner)) is models.Outer.Inner


def test_code_of_the_scope_pickles_and_copies_too(run: Run) -> None:
    text = "import copy, pickle\nfrom models import Row\nplugin = pickle.loads(pickle.dumps(Row(1))) == copy.deepcopy(Row(1)) == Row(1)\n"

    assert run({"acme.py": text, "models.py": MODELS}) is True


def test_inspect_finds_source_and_module(run: Run) -> None:
    models = run({"acme.py": "import models as plugin\n", "models.py": MODELS})
    function, row = models.function, models.Row

    assert inspect.getsource(models.Later) == "class Later: ...\n"
    assert inspect.getmodule(function) is models
    assert inspect.signature(function, eval_str=True).return_annotation == (row | None)


def test_pydantic_models_find_each_other_by_forward_reference(run: Run) -> None:
    text = """
from __future__ import annotations
from typing import Generic, List, Optional, TypeVar
import pydantic
T = TypeVar("T")
class A(pydantic.BaseModel):
    b: Optional[B] = None
    many: List["B"] = []
class B(pydantic.BaseModel):
    x: int
class Page(pydantic.BaseModel, Generic[T]):
    items: list[T]
plugin = pydantic, A, Page[B]
"""
    seen, model, page = run({"acme.py": text})

    assert seen is pydantic
    assert model(b={"x": 1}, many=[{"x": 2}]).model_dump() == {"b": {"x": 1}, "many": [{"x": 2}]}
    assert page(items=[{"x": "3"}]).items[0].x == 3
    assert model.model_json_schema()["title"] == "A"


def test_a_pydantic_dataclass_and_an_adapter_resolve_names_of_their_module(run: Run) -> None:
    text = """
from __future__ import annotations
from pydantic import TypeAdapter
from pydantic.dataclasses import dataclass
@dataclass
class Node:
    value: int
    next: Node | None = None
plugin = TypeAdapter(Node).validate_python({"value": "1", "next": {"value": 2}}), TypeAdapter("list[Node]")
"""
    node, _ = run({"acme.py": text})

    assert (node.value, node.next.value) == (1, 2)


def test_a_logger_by_module_name_is_below_the_scopes_root(run: Run) -> None:
    models = run({"acme.py": "import models as plugin\n", "models.py": MODELS})

    assert models.log is logging.getLogger(models.__name__)


def test_abstract_classes_generics_and_protocols_behave(run: Run) -> None:
    text = """
import abc, functools, typing
class Base(abc.ABC):
    @abc.abstractmethod
    def f(self): ...
class Concrete(Base):
    def f(self): return 1
@typing.runtime_checkable
class HasF(typing.Protocol):
    def f(self) -> int: ...
@functools.singledispatch
def show(x): return "object"
@show.register
def _(x: Base): return "base"
@typing.overload
def over(x: int) -> int: ...
@typing.overload
def over(x: str) -> str: ...
def over(x): return x
plugin = show(Concrete()), isinstance(Concrete(), HasF), len(typing.get_overloads(over))
"""
    assert run({"acme.py": text}) == ("base", True, 2)
