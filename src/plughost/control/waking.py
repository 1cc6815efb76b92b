"""Waiting that something else may cut short: an actor sleeps, or waits for a generation, until it is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def sleep(woken: asyncio.Event, seconds: float | None) -> None:
    """Return when it is woken, or after so many seconds where there are any."""
    try:
        async with asyncio.timeout(seconds):
            await woken.wait()
    except TimeoutError:
        pass


async def settled_unless(settled: asyncio.Event, woken: asyncio.Event, overtaken: Callable[[], T | None]) -> T | None:
    """None when it has settled, or before that what overtook it; asked at first and whenever woken."""
    waiting = asyncio.create_task(settled.wait())
    try:
        while not waiting.done():
            if (overtaker := overtaken()) is not None:
                return overtaker
            waking = asyncio.create_task(woken.wait())
            await asyncio.wait({waiting, waking}, return_when=asyncio.FIRST_COMPLETED)
            waking.cancel()
            woken.clear()
    finally:
        waiting.cancel()
    return None
