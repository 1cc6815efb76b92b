from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from plughost.errors import ArchiveRefused
from plughost.testing import BuiltWheel
from plughost.wheel import Guard, WheelFacts


def _unpacked(wheel: BuiltWheel, **options: Any) -> tuple[dict[str, bytes], WheelFacts]:
    guard = Guard(io.BytesIO(wheel.data), wheel.filename, **options)
    return {entry.path: b"".join(entry.chunks) for entry in guard.entries()}, guard.facts


def _rule_of(wheel: BuiltWheel, **options: Any) -> str:
    with pytest.raises(ArchiveRefused) as caught:
        _unpacked(wheel, **options)
    return caught.value.rule


@pytest.fixture
def unpacked() -> Callable[..., tuple[dict[str, bytes], WheelFacts]]:
    """The site and the facts of a wheel that passes."""
    return _unpacked


@pytest.fixture
def rule_of() -> Callable[..., str]:
    """The rule by which a wheel is refused."""
    return _rule_of
