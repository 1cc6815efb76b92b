"""The host's bearer tokens: hashes, never secrets."""

from __future__ import annotations

from sqlite3 import Connection

from plughost.errors import TokenUnknown
from plughost.ledger.rows import Token

_COLUMNS = "id, name, role, hash, created, expires, used"
_FRESH = 60.0
"""A use within so many seconds of the last one is not written again: reading must not become writing."""


def add(connection: Connection, token: Token) -> None:
    """Keep a token."""
    row = (token.id, token.name, token.role, token.hash, token.created, token.expires, token.used)
    connection.execute("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def every(connection: Connection) -> tuple[Token, ...]:
    """All tokens, newest first."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM tokens ORDER BY created DESC, id")  # noqa: S608 - a constant
    return tuple(_token(row) for row in rows)


def of_hash(connection: Connection, text: str) -> Token | None:
    """The token whose secret has this hash."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM tokens WHERE hash = ?", (text,)).fetchone()  # noqa: S608 - a constant
    return _token(row) if row else None


def delete(connection: Connection, token: str) -> None:
    """Take a token back; raises TokenUnknown."""
    if not connection.execute("DELETE FROM tokens WHERE id = ?", (token,)).rowcount:
        raise TokenUnknown(token)


def used(connection: Connection, token: str, at: float) -> None:
    """Remember when a token was used last, to the minute."""
    connection.execute("UPDATE tokens SET used = ? WHERE id = ? AND (used IS NULL OR used < ?)", (at, token, at - _FRESH))


def _token(row: tuple[str, str, str, str, float, float | None, float | None]) -> Token:
    number, name, role, text, created, expires, last = row
    return Token(id=number, name=name, role=role, hash=text, created=created, expires=expires, used=last)  # type: ignore[arg-type]  # a Role was written
