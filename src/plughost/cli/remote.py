"""A running host, as the client commands see it: JSON in, JSON out, problems as `Refused`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
TICK = 0.4
"""Seconds that one look at a running operation waits for its end."""


class Refused(Exception):
    """The host said no, or could not be asked; `problem` is what it said (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", problem)))
        self.problem = dict(problem)

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return str(self.problem.get("code", "unknown"))


class Remote:
    """One host."""

    def __init__(self, url: str, *, token: str | None, home: Path) -> None:
        self._url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {found}"} if (found := token or _token_file(home)) else {}
        self._http = httpx.Client(base_url=self._url, headers=headers, timeout=70)

    def get(self, path: str, **parameters: Any) -> Json:
        """What is at the path; raises Refused."""
        return self.ask("GET", path, params={name: value for name, value in parameters.items() if value is not None})

    def ask(self, method: str, path: str, *, json: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """One call; raises Refused."""
        try:
            response = self._http.request(method, path, json=json, params=params)
        except httpx.HTTPError as error:
            raise Refused(self._unreachable(error)) from None
        if response.status_code == httpx.codes.NO_CONTENT:
            return {}
        try:
            body = response.json()
        except ValueError:
            body = {"code": "not-a-host", "detail": f"{self._url} answered {response.status_code} without JSON; is it a plughost?"}
            raise Refused(body) from None
        if response.is_error:
            raise Refused(body)
        answer: Json = body
        return answer

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

    def _unreachable(self, error: httpx.HTTPError) -> Json:
        return {
            "code": "host-unreachable",
            "detail": f"{self._url} does not answer ({error}); start one with `plughost serve`, or say --url",
        }


def _still(operation: Json, seconds: float | None) -> str:
    return (
        f"{operation['verb']} of {operation['plugin']} still runs after {seconds:g} s (phase {operation['phase']}); it goes on in the host"
    )


def _token_file(home: Path) -> str | None:
    try:
        return (home / "admin-token").read_text().strip()
    except OSError:
        return None
