"""Bearer tokens (RFC 6750): made, hashed, compared, and how often somebody guesses."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable


def new_token(prefix: str) -> str:
    """A secret of 256 random bits; the prefix lets scanners of leaked secrets know it."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """What is stored of a token: its sha256 in hexadecimal digits; a random secret needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def matches(token: str, digest: str) -> bool:
    """Whether the token has this hash, in time that tells nothing."""
    return hmac.compare_digest(hash_token(token), digest)


def bearer_of(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The token of a request: `Bearer <token>`, or Basic with the user `__token__`; None where there is neither."""
    for name, value in headers:
        if name.lower() == b"authorization":
            scheme, _, rest = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer":
                return rest.strip() or None
            if scheme.lower() == "basic":
                return _basic(rest.strip())
    return None


def _basic(text: str) -> str | None:
    try:
        user, _, password = base64.b64decode(text, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if user == "__token__" and password else None


class Failures:
    """How often each key failed lately; more than `limit` times within `window` seconds blocks it until the window has passed."""

    MOST_KEYS = 10_000

    def __init__(self, *, limit: int, window: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._window, self._clock = limit, window, clock
        self._failed: dict[str, deque[float]] = {}

    def add(self, key: str) -> None:
        """It failed once more."""
        if key not in self._failed and len(self._failed) >= self.MOST_KEYS:
            self._failed.pop(next(iter(self._failed)))  # the oldest one; memory stays bounded under attack
        self._failed.setdefault(key, deque(maxlen=self._limit)).append(self._clock())

    def blocked(self, key: str) -> float | None:
        """Seconds until it may try again; None where it may now."""
        failed = self._failed.get(key)
        if failed is None or len(failed) < self._limit:
            return None
        left = failed[0] + self._window - self._clock()
        return left if left > 0 else None
