"""Who may do what: tokens by action and project, kept as hashes; the first-start token has every action on every project."""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from plughost.errors import HomeNotWritable, HostError, TokenInvalid, TokenMissing, TokenUnknown, TooManyFailures
from plughost.http import Failures, hash_token, new_token
from plugin_index.damping import network_of
from plugin_index.errors import TokenRefused
from plugin_index.nouns import Action, Audit, Token
from plugin_index.shelf import now
from plugin_index.storage import Rows, Storage

PREFIX = "plugin-index"
USED_EVERY = 60.0
"""Seconds between two writes of a token's last use."""
FAILURES, WINDOW = 20, 60.0
"""So many failures of an address, or of a token, within so many seconds."""
_TRUSTED = 4096
"""Pairs of address and token that are remembered as good."""


class Tokens:
    """Makes tokens and checks them.

    Who guesses from an address is locked out of it for a while; tokens that were good from there go on being good.
    """

    def __init__(self, storage: Storage, admin: str) -> None:
        self._storage, self._admin = storage, hash_token(admin)
        self._addresses = Failures(limit=FAILURES, window=WINDOW)
        self._tokens = Failures(limit=FAILURES, window=WINDOW)
        self._good: dict[tuple[str, str], None] = {}

    async def holder(self, token: str | None, address: str) -> Token:
        """Whose token it is; raises TokenMissing, TokenInvalid or TooManyFailures."""
        if token is None:
            raise TokenMissing
        digest, address = hash_token(token), network_of(address)
        self._refuse_guessing(digest, address)
        found = await self._known(digest)
        if found is None or (found.expires is not None and found.expires <= now()):
            self._addresses.add(address)
            self._tokens.add(digest)
            self._good.pop((address, digest), None)
            raise TokenInvalid
        self._trust(digest, address)
        return found

    async def all(self) -> tuple[Token, ...]:
        """Every token, newest first."""
        return await self._storage.read(lambda rows: rows.tokens())

    async def create(
        self, name: str, actions: Sequence[Action], projects: Sequence[str], expires: float | None, audit: Audit
    ) -> tuple[Token, str]:
        """A new token, and its secret, which is told once."""
        secret = new_token(PREFIX)
        token = Token(
            id=secrets.token_hex(6),
            name=name,
            actions=tuple(actions),
            projects=tuple(map(_normalised, projects)),
            created=now(),
            expires=expires,
            hash=hash_token(secret),
        )

        def write(rows: Rows) -> None:
            rows.put_token(token)
            rows.add_audit(audit)

        await self._storage.write(write)
        return token, secret

    async def rotate(self, identifier: str, audit: Audit) -> tuple[Token, str]:
        """A new secret for the token; the old one is valid no more. Raises TokenUnknown."""
        secret = new_token(PREFIX)

        def write(rows: Rows) -> Token:
            token = replace(_one(rows, identifier), hash=hash_token(secret))
            rows.put_token(token)
            rows.add_audit(audit)
            return token

        return await self._storage.write(write), secret

    async def delete(self, identifier: str, audit: Audit) -> None:
        """The token is valid no more; raises TokenUnknown."""

        def write(rows: Rows) -> None:
            rows.delete_token(_one(rows, identifier).id)
            rows.add_audit(audit)

        await self._storage.write(write)

    async def _known(self, digest: str) -> Token | None:
        if hmac.compare_digest(digest, self._admin):
            return Token(id="admin", name="admin", actions=("admin",), projects=("*",), created=0.0)
        found = await self._storage.read(lambda rows: rows.token_of(digest))
        if found is None or not hmac.compare_digest(found.hash, digest):
            return None
        if found.used is None or now() - found.used > USED_EVERY:
            with contextlib.suppress(HostError):  # a good token is good on a full disk, too
                await self._storage.write(lambda rows: _used(rows, found.id))
        return found

    def _refuse_guessing(self, digest: str, address: str) -> None:
        wait = self._tokens.blocked(digest)
        if wait is None and (address, digest) not in self._good:
            wait = self._addresses.blocked(address)
        if wait is not None:
            raise TooManyFailures(retry_after=max(1, int(wait)))

    def _trust(self, digest: str, address: str) -> None:
        self._good[address, digest] = None
        if len(self._good) > _TRUSTED:
            self._good.pop(next(iter(self._good)))


def demand(token: Token, action: Action, project: str | None = None) -> None:
    """Raise TokenRefused unless the token allows it."""
    if not token.may(action, project):
        raise TokenRefused(f"the token {token.name!r} does not allow {action}" + (f" for {project}" if project else ""))


def admin_token(home: Path, given: str | None) -> str:
    """The first-start token: the one that is set, else the one in the home, made and shown once."""
    if given:
        return given
    path = home / "admin-token"
    try:
        if path.is_file() and (kept := path.read_text().strip()):
            return kept
        token = new_token(PREFIX)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{token}\n")
    except OSError as error:
        raise HomeNotWritable(str(path), error.strerror or str(error)) from None
    sys.stdout.write(f"admin token: {token} (shown once, kept in {path})\n")
    sys.stdout.flush()
    return token


def _normalised(glob: str) -> str:
    """The glob over names as projects have them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", glob).lower()


def _one(rows: Rows, identifier: str) -> Token:
    token = rows.token(identifier)
    if token is None:
        raise TokenUnknown(identifier)
    return token


def _used(rows: Rows, identifier: str) -> None:
    """Write its last use, if it is still there."""
    if (token := rows.token(identifier)) is not None:
        rows.put_token(replace(token, used=now()))
