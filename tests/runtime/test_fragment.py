"""A plugin's OpenAPI fragment: natural names with the plugin's own before them, the same for every generation of a release."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from plughost.model.owner import current
from plughost.runtime import Unit
from tests.runtime.conftest import Bench, asked

FILES = {
    "acme/__init__.py": """
from typing import Annotated, Literal, Union
from fastapi import APIRouter, Depends, FastAPI, Form, Security, UploadFile
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer
from pydantic import BaseModel, Field
from acme import other

class Item(BaseModel):
    name: str
    tags: list["Tag"] = []
class Tag(BaseModel):
    label: str
class Cat(BaseModel):
    kind: Literal["cat"]
class Dog(BaseModel):
    kind: Literal["dog"]
Pet = Annotated[Union[Cat, Dog], Field(discriminator="kind")]
class Place(BaseModel):
    mapping: dict[str, int] = {}

key, oauth = APIKeyHeader(name="X-Key"), OAuth2PasswordBearer(tokenUrl="token", scopes={"read": "reads"})
router = APIRouter()

@router.post("/items", tags=["things"])
def create(item: Item) -> Item: return item
@router.get("/items/{number}", responses={404: {"model": other.Item}})
def get(number: int, key: Annotated[str, Depends(key)]) -> other.Item: ...
@router.get("/safe")
def safe(token: Annotated[str, Security(oauth, scopes=["read"])]) -> str: ...
@router.post("/pets", operation_id="adopt")
def pets(pet: Pet) -> Place: ...
@router.post("/files")
def files(file: UploadFile, name: Annotated[str, Form()]) -> None: ...
@router.get("/hidden", include_in_schema=False)
def hidden() -> None: ...
app = FastAPI(title="Acme")
app.include_router(router)
""",
    "acme/other.py": "from pydantic import BaseModel\nclass Item(BaseModel):\n    number: int\n",
}


def document(unit: Unit) -> dict[str, Any]:
    assert unit.openapi is not None
    return dict(unit.openapi() or {})


def operations(made: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{method} {path}": operation for path, item in made["paths"].items() for method, operation in item.items()}


@pytest.mark.parametrize("entry", ["acme:router", "acme:app"])
async def test_names_are_natural_and_the_plugins_own(bench: Bench, entry: str) -> None:
    async with bench.start(FILES, entry=entry) as unit:
        made = document(unit)
    text = json.dumps(made)
    assert "_scope_" not in text
    names = {"acme.acme__Item", "acme.acme__other__Item", "acme.Tag", "acme.Cat", "acme.Dog", "acme.Place"}
    assert set(made["components"]["schemas"]) >= names
    assert all(name.startswith("acme.") for kind in made["components"].values() for name in kind)
    assert set(made["components"]["securitySchemes"]) == {"acme.APIKeyHeader", "acme.OAuth2PasswordBearer"}


@pytest.mark.parametrize("entry", ["acme:router", "acme:app"])
async def test_every_reference_leads_to_something(bench: Bench, entry: str) -> None:
    async with bench.start(FILES, entry=entry) as unit:
        made = document(unit)
    references = [reference.split('"')[0] for reference in json.dumps(made).split('"$ref": "')[1:]]
    mapping = next(value for value in nodes(made) if "propertyName" in value)["mapping"]
    for reference in (*references, *mapping.values()):
        kind, name = reference.removeprefix("#/components/").split("/")
        assert name in made["components"][kind], reference
    assert mapping == {"cat": "#/components/schemas/acme.Cat", "dog": "#/components/schemas/acme.Dog"}
    assert made["components"]["schemas"]["acme.Place"]["properties"]["mapping"]["default"] == {}


def nodes(value: Any) -> list[dict[str, Any]]:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return ([value] if isinstance(value, dict) else []) + [node for each in inside for node in nodes(each)]


async def test_operations_have_ids_tags_and_security_of_the_plugins(bench: Bench) -> None:
    async with bench.start(FILES, entry="acme:router") as unit:
        told = operations(document(unit))
    assert set(told) == {"post /items", "get /items/{number}", "get /safe", "post /pets", "post /files"}
    assert told["post /items"]["operationId"] == "acme.create_items_post"
    assert told["post /pets"]["operationId"] == "acme.adopt"
    assert told["post /items"]["tags"] == ["things"]
    assert told["get /safe"]["tags"] == ["acme"]
    assert told["get /safe"]["security"] == [{"acme.OAuth2PasswordBearer": ["read"]}]
    assert told["get /items/{number}"]["security"] == [{"acme.APIKeyHeader": []}]
    assert "security" not in told["post /items"]


async def test_a_reload_changes_not_one_byte(bench: Bench) -> None:
    texts = set()
    for _ in range(3):
        async with bench.start(FILES, entry="acme:app") as unit:
            texts.add(json.dumps(document(unit)))
    assert len(texts) == 1


async def test_a_plugin_whose_name_has_a_dash(bench: Bench) -> None:
    async with bench.start(FILES, entry="acme:router", name="acme-chat-2") as unit:
        made = document(unit)
    assert "_scope_" not in json.dumps(made)
    assert "acme-chat-2.acme__Item" in made["components"]["schemas"]


async def test_it_is_made_once_and_only_when_asked_for(bench: Bench) -> None:
    source = """
from fastapi import FastAPI
app = FastAPI()
made = []
app.openapi = lambda: made.append(1) or {"paths": {"/x": {"get": {"operationId": str(len(made))}}}}
"""
    async with bench.start(source, entry="acme:app") as unit:
        assert [operations(document(unit))["get /x"]["operationId"] for _ in range(2)] == ["acme.1", "acme.1"]


@pytest.mark.parametrize("fails", ["1/0", "__import__('sys').exit(3)"])
async def test_a_schema_that_cannot_be_made_hides_the_plugin_and_stops_nothing(
    bench: Bench, fails: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = f"from fastapi import FastAPI\napp = FastAPI()\napp.openapi = lambda: {fails}\n@app.get('/')\ndef here(): return 1\n"
    async with bench.start(source, entry="acme:app") as unit, asked(unit) as client:
        assert unit.openapi is not None
        assert unit.openapi() is None
        assert (await client.get("/acme/")).json() == 1
    assert ("plughost.plugin", logging.WARNING, "no OpenAPI for this plugin") in caplog.record_tuples


async def test_making_it_leaves_no_owner_behind(bench: Bench) -> None:
    async with bench.start(FILES, entry="acme:router") as unit:
        document(unit)
        assert current.get() is None


async def test_an_app_that_is_no_fastapi_shows_none(bench: Bench) -> None:
    async with bench.start("from starlette.applications import Starlette\nplugin = Starlette()") as unit:
        assert unit.openapi is None


async def test_the_apps_own_document_and_pages_show_natural_names_too(bench: Bench) -> None:
    async with bench.start(FILES, entry="acme:app") as unit, asked(unit) as client:
        answer = await client.get("/acme/openapi.json")
        assert "_scope_" not in answer.text
        assert set(answer.json()["components"]["schemas"]) >= {"acme__Item", "acme__other__Item"}
        assert answer.json()["servers"] == [{"url": "/acme"}]
        assert "/acme/openapi.json" in (await client.get("/acme/docs")).text
        assert (await client.get("/acme/redoc")).status_code == 200


async def test_a_router_brings_no_pages_of_its_own(bench: Bench) -> None:
    async with bench.start(FILES, entry="acme:router") as unit, asked(unit) as client:
        assert {(await client.get(path)).status_code for path in ("/acme/docs", "/acme/redoc", "/acme/openapi.json")} == {404}
