"""Who may read: everybody, or with `--private` only who has a token with the action `read`."""

from __future__ import annotations

from plughost.http import bearer_of
from plughost.types import ASGIScope
from plugin_index.nouns import Token
from plugin_index.tokens import Tokens, demand

LONGEST = 64
"""Characters of an address; who connects from this machine may say that it is any text."""


class Gate:
    """Stands before all that can be read."""

    def __init__(self, tokens: Tokens, *, private: bool) -> None:
        self._tokens, self.private = tokens, private

    async def reader(self, scope: ASGIScope, project: str = "") -> Token | None:
        """Who reads; None where everybody may. `project`: which one's files or plugins it is about, empty: several.

        Raises TokenMissing, TokenInvalid, TooManyFailures or TokenRefused.
        """
        if not self.private:
            return None
        token = await self._tokens.holder(bearer_of(scope["headers"]), address_of(scope))
        demand(token, "read", project or None)
        return token


def address_of(scope: ASGIScope) -> str:
    """The address that asks, as the proxy in front tells it where there is one."""
    client = scope.get("client")
    return str(client[0])[:LONGEST] if client else ""
