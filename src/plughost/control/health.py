"""When to try again: full jitter between one second and one minute, doubling with each attempt."""

from __future__ import annotations

import random

FIRST, LONGEST = 1.0, 60.0


def next_try(now: float, attempts: int) -> float:
    """The time of the next attempt after so many failed ones; never sooner than half the full back-off."""
    longest = min(LONGEST, FIRST * 2.0 ** min(attempts - 1, 10))
    share: float = random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing
    return now + longest * share
