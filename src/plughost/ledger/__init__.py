"""What must outlive the process: lists, overrides, served and refused releases, operations, events, audit, tokens, numbers.

It keeps rows and knows no rule: what they mean is control's business.
"""

from __future__ import annotations

from plughost.ledger.ledger import Ledger
from plughost.ledger.rows import (
    CLEAR,
    KEEP,
    Audit,
    Bounds,
    Clear,
    Keep,
    Reaped,
    Recorded,
    Refused,
    Role,
    StoredEvent,
    Token,
)

__all__ = [
    "CLEAR",
    "KEEP",
    "Audit",
    "Bounds",
    "Clear",
    "Keep",
    "Ledger",
    "Reaped",
    "Recorded",
    "Refused",
    "Role",
    "StoredEvent",
    "Token",
]
