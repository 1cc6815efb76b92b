"""Who may do what: tokens by action and project, kept as hashes; the first-start token has every action on every project."""

from __future__ import annotations

import hmac
import json
import os
import re
import secrets
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

from plughost.errors import HomeNotWritable, TokenInvalid, TokenMissing, TokenUnknown, TooManyFailures
from plughost.http import Failures, hash_token, new_token
from plughost.sqlite import Database
from plugin_index.errors import TokenRefused
from plugin_index.nouns import Action, Audit, Token
from plugin_index.rows import add_audit
from plugin_index.shelf import now

PREFIX = "plugin-index"
USED_EVERY = 60.0
"""Seconds between two writes of a token's last use."""
_COLUMNS = ("id", "name", "hash", "actions", "projects", "created", "expires", "used")


class Tokens:
    """Makes tokens and checks them."""

    def __init__(self, database: Database, admin: str) -> None:
        self._database, self._admin = database, hash_token(admin)
        self._failures = Failures(limit=20, window=60.0)

    async def holder(self, token: str | None, address: str) -> Token:
        """Whose token it is; raises TokenMissing, TokenInvalid or TooManyFailures."""
        if (wait := self._failures.blocked(address)) is not None:
            raise TooManyFailures(retry_after=max(1, int(wait)))
        if token is None:
            raise TokenMissing
        digest = hash_token(token)
        if hmac.compare_digest(digest, self._admin):
            return Token(id="admin", name="admin", actions=("admin",), projects=("*",), created=0.0)
        found = await self._database.read(lambda c: _select(c, "hash = ?", digest))
        if not found or (found[0].expires is not None and found[0].expires <= now()):
            self._failures.add(address)
            raise TokenInvalid
        if found[0].used is None or now() - found[0].used > USED_EVERY:
            await self._database.write(lambda c: c.execute("UPDATE tokens SET used = ? WHERE id = ?", (now(), found[0].id)))
        return found[0]

    async def all(self) -> tuple[Token, ...]:
        """Every token, newest first."""
        return await self._database.read(lambda c: _select(c, "1 = 1"))

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

        def write(connection: sqlite3.Connection) -> None:
            values = {
                **{each: getattr(token, each) for each in _COLUMNS},
                "actions": json.dumps(actions),
                "projects": json.dumps(token.projects),
            }
            connection.execute("INSERT INTO tokens VALUES (:id, :name, :hash, :actions, :projects, :created, :expires, :used)", values)
            add_audit(connection, audit)

        await self._database.write(write)
        return token, secret

    async def rotate(self, identifier: str, audit: Audit) -> tuple[Token, str]:
        """A new secret for the token; the old one is valid no more. Raises TokenUnknown."""
        secret = new_token(PREFIX)

        def write(connection: sqlite3.Connection) -> Token:
            connection.execute("UPDATE tokens SET hash = ? WHERE id = ?", (hash_token(secret), identifier))
            add_audit(connection, audit)
            return _one(connection, identifier)

        return await self._database.write(write), secret

    async def delete(self, identifier: str, audit: Audit) -> None:
        """The token is valid no more; raises TokenUnknown."""

        def write(connection: sqlite3.Connection) -> None:
            _one(connection, identifier)
            connection.execute("DELETE FROM tokens WHERE id = ?", (identifier,))
            add_audit(connection, audit)

        await self._database.write(write)


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


def _one(connection: sqlite3.Connection, identifier: str) -> Token:
    found = _select(connection, "id = ?", identifier)
    if not found:
        raise TokenUnknown(identifier)
    return found[0]


def _select(connection: sqlite3.Connection, where: str, *values: str) -> tuple[Token, ...]:
    rows = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM tokens WHERE {where} ORDER BY created DESC", values)  # noqa: S608 - our own names
    found = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    return tuple(
        Token(**{**row, "actions": tuple(json.loads(row["actions"])), "projects": tuple(json.loads(row["projects"]))}) for row in found
    )
