"""Notes in Markdown: what is put in as text comes out as HTML."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import mistune
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import HTMLResponse

from plughost.sdk import Html, Plugin, PluginContext

router = APIRouter()
plugin = Plugin(routes=router, title="Notes")
_markdown = mistune.create_markdown(escape=True)


@router.get("/about")
async def about() -> dict[str, str]:
    """Which Markdown library this plugin has, whatever the others have."""
    return {"mistune": version("mistune")}


@router.put("/{name}", status_code=204)
async def write(name: str, text: Annotated[str, Form()], request: Request) -> None:
    """Keep a note; notes outlive upgrades."""
    _file(request, name).write_text(text)


@router.get("/{name}", response_class=HTMLResponse)
async def read(name: str, request: Request) -> str:
    """The note as HTML."""
    file = _file(request, name)
    if not file.is_file():
        raise HTTPException(404, f"there is no note {name!r}")
    return str(_markdown(file.read_text()))


@plugin.slot("profile-icons", order=20)
def icon() -> Html:
    """The notes icon."""
    return Html('<a class="icon" href="/notes/about" title="Notes">📝</a>')


def _file(request: Request, name: str) -> Path:
    context: PluginContext = request.state.context
    if not name.isalnum():
        raise HTTPException(422, "a note's name is letters and digits")
    return context.data / f"{name}.md"
