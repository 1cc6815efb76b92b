"""A user's profile page with the slot `profile-icons`, in an application that embeds plughost."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from plughost import Host, Settings

core = FastAPI(title="Profiles")
app = Host(Settings.load(), app=core)
templates = app.templates(directory=Path(__file__).parent / "templates")


@core.get("/users/{user}", response_class=HTMLResponse)
def profile(request: Request, user: str) -> HTMLResponse:
    """The profile of a user."""
    page: HTMLResponse = templates.TemplateResponse(request, "profile.html", {"user": user})
    return page


@core.get("/users/{user}/icons")
async def icons(user: str) -> dict[str, str]:
    """The same icons, for who wants only them."""
    return {"html": str(await app.render("profile-icons", user=user))}
