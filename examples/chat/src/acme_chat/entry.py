"""What the plugin exports: a page, a WebSocket for each room, and an icon for the profile page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from acme_chat.rooms import Rooms
from plughost.sdk import Html, Plugin, PluginContext

HERE = Path(str(files("acme_chat")))
router = APIRouter()
router.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
templates = Jinja2Templates(directory=HERE / "templates")
plugin = Plugin(routes=router, title="Chat")


@plugin.lifespan
async def rooms(context: PluginContext) -> AsyncIterator[dict[str, object]]:
    """One set of rooms for each generation."""
    context.log.info("chat %s is up", context.version)
    yield {"rooms": Rooms()}


@router.get("/", response_class=HTMLResponse)
async def page(request: Request, room: str = "lobby") -> HTMLResponse:
    """The page of a room."""
    context: PluginContext = request.state.context
    return templates.TemplateResponse(request, "chat.html", {"room": room, "version": context.version})


@router.get("/rooms")
async def list_rooms(request: Request) -> dict[str, int]:
    """Each room and how many are in it."""
    sizes: dict[str, int] = request.state.rooms.sizes()
    return sizes


@router.websocket("/rooms/{room}")
async def talk(socket: WebSocket, room: str) -> None:
    """What one says, all in the room hear."""
    rooms: Rooms = socket.state.rooms
    await socket.accept()
    rooms.join(room, socket)
    try:
        async for text in socket.iter_text():
            await rooms.say(room, text)
    except WebSocketDisconnect:
        pass
    finally:
        rooms.leave(room, socket)


@plugin.slot("profile-icons", order=10)
async def icon(user: str) -> Html:
    """The chat icon beside a user's name."""
    return Html('<a class="icon" href="/chat/?room={}" title="Chat with {}">💬</a>').format(user, user)
