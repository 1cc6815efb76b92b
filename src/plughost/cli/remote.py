"""A running host: a remote whose operations can be followed to their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from plughost.http.remote import Json, Refused, Remote

TICK = 0.4
"""Seconds that one look at a running operation waits for its end."""


class RemoteHost(Remote):
    """One host."""

    def __init__(self, url: str, *, token: str | None, home: Path) -> None:
        super().__init__(url, token=token, home=home, program="plughost")

    def follow(self, operation: Json, seconds: float | None, seen: Callable[[Json], None]) -> Json:
        """The operation at its end; `seen` is told of each look. Raises Refused where it failed or `seconds` have passed."""
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            seen(operation)
            if operation["state"] == "failed":
                raise Refused({**operation["error"], "operation": operation["id"], "plugin": operation["plugin"]})
            if operation["state"] == "succeeded":
                return operation
            if until is not None and time.monotonic() >= until:
                raise Refused({"code": "still-running", "detail": _still(operation, seconds), "operation": operation["id"]})
            operation = self.get(f"/api/operations/{operation['id']}", wait=TICK)


def _still(operation: Json, seconds: float | None) -> str:
    return (
        f"{operation['verb']} of {operation['plugin']} still runs after {seconds:g} s (phase {operation['phase']}); it goes on in the host"
    )
