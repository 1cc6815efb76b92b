"""Who may do what: the one place where tokens and roles are enforced, in front of the whole API.

viewer: every GET under /api but tokens and audit; operator: also what changes plugins; admin: also tokens and audit.
"""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass

from plughost.errors import PlughostError, RoleTooLow, TokenInvalid, TokenMissing, TooManyFailures
from plughost.http import Failures, bearer_of, hash_token, send_problem
from plughost.ledger import Ledger, Role
from plughost.types import ASGIApp, ASGIScope, Receive, Send

ROLES: tuple[Role, ...] = ("viewer", "operator", "admin")
OPEN = frozenset({"/api/plugins/enabled", "/api/plugins/events", "/api/plugins/openapi.json", "/api/plugins/docs"})
"""What everyone may read."""
USED_EVERY = 60.0
"""Seconds between two writes of a token's last use."""
_ADMINS = ("/api/tokens", "/api/audit")


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls."""

    name: str
    role: Role


def needed(method: str, path: str) -> Role | None:
    """The role that a call needs; None: nobody has to say who they are."""
    reads = method in {"GET", "HEAD", "OPTIONS"}
    if not path.startswith("/api/") or (reads and path in OPEN):
        return None
    if path.startswith(_ADMINS):
        return "admin"
    return "viewer" if reads else "operator"


class Tokens:
    """The tokens of the host: the ledger's, and the administrator's of this start."""

    def __init__(self, admin: str, ledger: Ledger) -> None:
        self._admin, self._ledger = hash_token(admin), ledger
        self._failures = Failures(limit=20, window=60.0)

    async def principal(self, token: str | None, address: str) -> Principal:
        """Who the token stands for; raises TokenMissing, TokenInvalid or TooManyFailures."""
        if (wait := self._failures.blocked(address)) is not None:
            raise TooManyFailures(retry_after=max(1, int(wait)))
        if token is None:
            raise TokenMissing
        digest = hash_token(token)
        if hmac.compare_digest(digest, self._admin):
            return Principal("admin", "admin")
        now = time.time()
        stored = await self._ledger.token_of(digest)
        if stored is None or (stored.expires is not None and stored.expires <= now):
            self._failures.add(address)
            raise TokenInvalid
        if stored.used is None or now - stored.used > USED_EVERY:
            await self._ledger.used(stored.id, now)
        return Principal(stored.name, stored.role)


class Access:
    """ASGI: lets a call through to the API, or answers with the problem."""

    def __init__(self, app: ASGIApp, tokens: Tokens) -> None:
        self._app, self._tokens = app, tokens

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Check the role, remember who calls in `request.state.principal`."""
        role = needed(scope["method"], local_path(scope)) if scope["type"] == "http" else None
        if role is not None:
            try:
                principal = await self._tokens.principal(bearer_of(scope["headers"]), _address(scope))
                if ROLES.index(principal.role) < ROLES.index(role):
                    raise RoleTooLow(needs=role, has=principal.role)
            except PlughostError as error:
                await send_problem(send, error)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)


def local_path(scope: ASGIScope) -> str:
    """The path below the incoming root_path, which a proxy may have cut off already."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "").rstrip("/")
    return path[len(root) :] if path.startswith(root + "/") else path


def _address(scope: ASGIScope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""
