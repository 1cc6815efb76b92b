"""What can be done to a home without a running host."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path
from typing import Any

from plughost.api import make_token as new_row
from plughost.errors import HomeNotWritable, PlughostError, describe
from plughost.http.remote import Refused
from plughost.ledger import Audit, Ledger


def make_token(home: Path, name: str, role: str) -> dict[str, Any]:
    """Write a token into the home's ledger; raises Refused."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        return asyncio.run(_make(home, name, role))
    except PlughostError as error:
        raise Refused(describe(error)) from None
    except OSError as error:
        raise Refused(describe(HomeNotWritable(str(home), error.strerror or str(error)))) from None


async def _make(home: Path, name: str, role: str) -> dict[str, Any]:
    row, secret = new_row(name, role)  # type: ignore[arg-type]  # the command has checked the role
    ledger = await Ledger.open(home / "ledger.sqlite", boot=secrets.token_hex(8))
    try:
        detail = {"id": row.id, "name": row.name, "role": row.role}
        await ledger.add_token(row, Audit(at=row.created, by="cli", verb="token.create", detail=detail, origin="", reason=""))
    finally:
        await ledger.close()
    return {**detail, "token": secret}
