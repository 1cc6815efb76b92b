"""From what the entry point names to a plugin that can be started; all of it in the load thread, for all of it is plugin code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response

from plughost.errors import PluginRaised
from plughost.http import problem_response
from plughost.model.owner import Owner
from plughost.registry import Contribution
from plughost.runtime.context import Context, validated
from plughost.runtime.forms import Parts, parts_of
from plughost.runtime.fragment import Fragment, fragment, show_naturally
from plughost.runtime.renders import contribution_of
from plughost.types import ASGIApp


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A plugin that is loaded and not started."""

    parts: Parts
    app: ASGIApp | None
    contributions: tuple[Contribution, ...]
    context: Context
    openapi: Callable[[], Fragment | None] | None


def build(entry: str, made: object, context: Context, owner: Owner) -> Built:
    """The plugin that the entry object, or its factory, gave; raises EntryInvalid and ConfigInvalid."""
    parts = parts_of(entry, made)
    context.config = validated(context.config, parts.settings, owner.plugin)
    contributions = tuple(contribution_of(each, owner, position) for position, each in enumerate(parts.contributions))
    openapi = fragment(parts.routes, owner)
    return Built(parts=parts, app=app_of(parts.routes, owner), contributions=contributions, context=context, openapi=openapi)


def app_of(routes: Any, owner: Owner) -> ASGIApp | None:
    """A router becomes the router of an app of its own: `include_router` inside one would match each request twice."""
    if isinstance(routes, FastAPI):
        show_naturally(routes)
    if not isinstance(routes, APIRouter):
        app: ASGIApp | None = routes
        return app
    made = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    made.router = routes

    async def failed(_request: Request, _error: Exception) -> Response:  # what nothing in the plugin handled; it is raised on, and logged
        return problem_response(PluginRaised(owner.plugin), plugin=owner.plugin)

    made.add_exception_handler(Exception, failed)
    return made
