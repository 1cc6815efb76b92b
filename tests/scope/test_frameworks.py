"""Shared frameworks work in a scope, with what they import for themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jinja2
import markupsafe
import pytest
from fastapi import FastAPI

from plughost.testing import wheel

Run = Callable[..., Any]


def _client(router: Any) -> httpx.AsyncClient:
    app = FastAPI()
    app.include_router(router)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


ROUTER = """
from __future__ import annotations
from typing import Annotated, Optional
from fastapi import APIRouter, Depends, File, Form, UploadFile
from pydantic import BaseModel, EmailStr
router = plugin = APIRouter()
class Item(BaseModel):
    name: str
    mail: EmailStr
    parts: list[Part] = []
class Part(BaseModel):
    n: int
def limit(limit: int = 3) -> int: return limit
@router.post("/items")
async def create(item: Item, limit: Annotated[int, Depends(limit)]) -> Item:
    return item
@router.post("/form")
async def form(name: Annotated[str, Form()], file: Annotated[UploadFile, File()]) -> dict:
    return {"name": name, "size": len(await file.read())}
"""


async def test_a_router_with_models_forms_and_uploads_answers(run: Run) -> None:
    async with _client(run({"acme.py": ROUTER})) as client:
        made = await client.post("/items", json={"name": "n", "mail": "a@example.com", "parts": [{"n": 1}]})
        refused = await client.post("/items", json={"name": "n", "mail": "nobody"})
        sent = await client.post("/form", data={"name": "n"}, files={"file": b"four"})

    assert made.json() == {"name": "n", "mail": "a@example.com", "parts": [{"n": 1}]}
    assert refused.status_code == 422
    assert sent.json() == {"name": "n", "size": 4}


async def test_templates_static_files_and_sessions_work(run: Run) -> None:
    text = """
from importlib.resources import files
from fastapi import FastAPI, Request
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware
here = files(__package__)
templates = Jinja2Templates(directory=here / "templates")
plugin = FastAPI()
plugin.add_middleware(SessionMiddleware, secret_key="s")
plugin.mount("/static", StaticFiles(directory=here / "static"))
@plugin.get("/")
async def page(request: Request):
    request.session["n"] = 1
    return templates.TemplateResponse(request, "page.html", {"who": "<ada>"})
"""
    files = {"acme/__init__.py": text, "acme/templates/page.html": "Hello {{ who }}", "acme/static/a.txt": "static"}

    async with httpx.AsyncClient(transport=httpx.ASGITransport(run(files)), base_url="http://127.0.0.1") as client:
        page, static = await client.get("/"), await client.get("/static/a.txt")

    assert page.text == "Hello &lt;ada&gt;"
    assert "session" in page.cookies
    assert static.text == "static"


@pytest.mark.parametrize("package", ["'acme'", "__name__", "__package__"])
def test_the_hosts_jinja2_loads_templates_of_the_scopes_package(run: Run, package: str) -> None:
    text = f"""
import jinja2, jinja2.loaders
from jinja2 import Environment, PackageLoader
plugin = [
    jinja2,
    Environment(loader=PackageLoader({package})).get_template("a.txt").render(x=1),
    Environment(loader=jinja2.loaders.PackageLoader({package}, "other")).get_template("b.txt").render(),
    issubclass(PackageLoader, jinja2.BaseLoader),
]
"""
    files = {"acme/__init__.py": text, "acme/templates/a.txt": "a {{ x }}", "acme/other/b.txt": "b"}

    seen, a, b, is_loader = run(files, requires=["jinja2"])

    assert (seen.Environment, a, b, is_loader) == (jinja2.Environment, "a 1", "b", True)
    assert jinja2.PackageLoader is not seen.PackageLoader


def test_a_jinja2_of_its_own_works_beside_the_hosts(run: Run, workshop: Any) -> None:
    sources = Path(jinja2.__file__).parent
    files = {f"jinja2/{source.name}": source.read_text() for source in sources.glob("*.py")}
    own = workshop.unpack(wheel("jinja2", "999.0", files), ["MarkupSafe>=2.0"])
    text = """
import jinja2, markupsafe
from jinja2 import Environment, PackageLoader, pass_context
environment = Environment(loader=PackageLoader("acme"), autoescape=True, extensions=["jinja2.ext.do"])
plugin = jinja2, environment.get_template("a.txt").render(x="<b>"), markupsafe
"""

    seen, said, markup = run(
        {"acme/__init__.py": text, "acme/templates/a.txt": "a {{ x }}{% include 'b.txt' %}", "acme/templates/b.txt": "{% do 1 %}b"},
        requires=["jinja2>=100"],
        among=[own],
    )

    assert seen.Environment is not jinja2.Environment
    assert said == "a &lt;b&gt;b"
    assert markup is markupsafe


def test_lazy_attributes_of_shared_packages_work(run: Run) -> None:
    text = """
import pydantic
from pydantic import BaseModel, networks
import pydantic.types
import anyio.abc, httpx
plugin = pydantic.SecretStr('x').get_secret_value(), networks.__name__
"""

    assert run({"acme.py": text}) == ("x", "pydantic.networks")
