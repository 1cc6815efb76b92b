from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from plughost.errors import TokenUnknown
from plughost.ledger import Audit, Ledger, Token

SECRET = "plughost_very-secret"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()


def token(number: int = 1, text: str = HASH) -> Token:
    return Token(id=f"t{number}", name="ci", role="operator", hash=text, created=float(number), expires=99.0)


def audit(verb: str) -> Audit:
    return Audit(at=1.0, by="ada", verb=verb, detail={"id": "t1"})


async def test_a_token_is_found_by_the_hash_of_its_secret(ledger: Ledger) -> None:
    await ledger.add_token(token(), audit("token create"))

    assert await ledger.token_of(HASH) == token()
    assert await ledger.token_of("0" * 64) is None
    assert [row.verb for row in await ledger.audit()] == ["token create"]


async def test_tokens_are_listed_newest_first(ledger: Ledger) -> None:
    await ledger.add_token(token(1, "aa"))
    await ledger.add_token(token(2, "bb"))

    assert [found.id for found in await ledger.tokens()] == ["t2", "t1"]


async def test_a_deleted_token_opens_nothing(ledger: Ledger) -> None:
    await ledger.add_token(token())
    await ledger.delete_token("t1", audit("token delete"))

    assert await ledger.token_of(HASH) is None
    assert [row.verb for row in await ledger.audit()] == ["token delete"]


async def test_deleting_an_unknown_token_is_refused_and_not_audited(ledger: Ledger) -> None:
    with pytest.raises(TokenUnknown, match="t9"):
        await ledger.delete_token("t9", audit("token delete"))

    assert await ledger.audit() == ()


async def test_the_last_use_is_kept_to_the_minute(ledger: Ledger) -> None:
    await ledger.add_token(token())
    uses = []
    for at in (1000.0, 1030.0, 1061.0):
        await ledger.used("t1", at)
        uses += [found.used for found in await ledger.tokens()]

    assert uses == [1000.0, 1000.0, 1061.0]


async def test_no_byte_of_a_secret_is_in_the_file_and_the_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "home" / "ledger.sqlite"
    ledger = await Ledger.open(path, boot="here")
    await ledger.add_token(token(), audit("token create"))
    await ledger.close()

    written = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert SECRET.encode() not in written
    assert HASH.encode() in written
    assert path.stat().st_mode & 0o077 == 0
