"""What every test needs, in whichever process it runs."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """A report that another process can be told.

    Undecodable names of files and headers are lone surrogates in Python's text. What a test printed of them cannot be
    encoded as UTF-8, and the worker that sent it would die of it.
    """
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(inside) for key, inside in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_encodable, value))
    return value
