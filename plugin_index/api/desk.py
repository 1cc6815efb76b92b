"""What every part of the API stands on: who asks, whether they may, and what the audit row says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request
from packaging.version import Version
from pydantic import BaseModel, ConfigDict, StringConstraints

from plughost.errors import RequestInvalid
from plughost.http import bearer_of
from plugin_index.catalog import PluginList
from plugin_index.gate import Gate, address_of
from plugin_index.nouns import Action, Audit, Token
from plugin_index.shelf import Shelf, now
from plugin_index.tokens import Tokens, demand

Json = dict[str, Any]
Reason = Annotated[str, StringConstraints(max_length=2000)]
Short = Annotated[str, StringConstraints(max_length=255)]
LARGEST = 2**63 - 1
"""The largest number that SQLite has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the API asks."""

    shelf: Shelf
    tokens: Tokens
    gate: Gate
    listed: PluginList
    stopping: Callable[[], bool]

    async def allowed(self, request: Request, action: Action, project: str | None = None) -> Token:
        """Who asks, where their token allows it; raises TokenMissing, TokenInvalid, TooManyFailures or TokenRefused."""
        token = await self.tokens.holder(bearer_of(request.scope["headers"]), address_of(request.scope))
        demand(token, action, project)
        return token

    async def manager(self, request: Request, plugin: str) -> Token:
        """Who asks, where their token allows managing the plugin's project; raises PluginNotPublished besides."""
        token = await self.allowed(request, "manage")
        demand(token, "manage", await self.shelf.owner(plugin))
        return token


class Body(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = ""


def audited(request: Request, token: Token, verb: str, subject: str, reason: str = "") -> Audit:
    """The row for what this request does."""
    return Audit(at=now(), by=token.name, verb=verb, subject=subject, origin=address_of(request.scope), reason=reason)


def parsed_version(text: str) -> Version:
    """The version; raises RequestInvalid."""
    try:
        return Version(text)
    except ValueError:  # no version, or a number too long for Python
        raise RequestInvalid(f"{text[:200]!r} is not a version") from None
