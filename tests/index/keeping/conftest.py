"""The kinds of `Storage`, as the contract's suite has them."""

from __future__ import annotations

from tests.index.storage.conftest import storage

__all__ = ["storage"]
