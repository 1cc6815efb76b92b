"""`/api` (contract §7): plugins, what is enabled, what becomes of releases, revocations, tokens, audit."""

from __future__ import annotations

from fastapi import APIRouter

from plugin_index.api.desk import Desk
from plugin_index.api.managing import add_managing
from plugin_index.api.reading import add_reading
from plugin_index.api.tokens import add_tokens

__all__ = ["Desk", "routes"]


def routes(desk: Desk) -> APIRouter:
    """Everything below `/api`."""
    router = APIRouter(prefix="/api")
    add_reading(router, desk)
    add_managing(router, desk)
    add_tokens(router, desk)
    return router
