"""Room on the interpreter's stack for imports, which nest deeply.

CPython keeps the frames of Python functions in chunks of 16 KiB. Where a loop happens to call across the end of a chunk, every call
maps a new one and unmaps it again: importing kubernetes spent a quarter of its time so, in the regular expression compiler. A frame
that does not fit into a chunk gets a larger one, twice its size or less, and what it leaves free serves the calls from there.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

_SLOTS = 40_000
"""A frame of 320 KB gets a chunk of 512 KiB, so about 190 KB are left; pages that nobody uses are never touched."""

Function = TypeVar("Function", bound=Callable[..., Any])


def roomy(function: Function) -> Function:
    """The function itself; what it calls finds room on the stack."""
    plain = cast("FunctionType", function)
    plain.__code__ = plain.__code__.replace(co_stacksize=_SLOTS)
    return function
