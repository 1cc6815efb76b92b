"""A running program as its client commands see it: JSON in, JSON out, problems as `Refused`. Imports no server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

Json = dict[str, Any]
LONGEST = 70.0
"""Seconds for one call; a wait for an operation takes up to 60."""


class Refused(Exception):
    """The program said no, or could not be asked; `problem` is what it said (RFC 9457)."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(str(problem.get("detail", problem)))
        self.problem = dict(problem)

    @property
    def code(self) -> str:
        """The problem's stable code."""
        return str(self.problem.get("code", "unknown"))


class Remote:
    """One running program; the token is the one given, else the one in the file of its home."""

    def __init__(self, url: str, *, token: str | None, home: Path, program: str) -> None:
        self._url, self._program = url.rstrip("/"), program
        headers = {b"Authorization": b"Bearer " + found.encode()} if (found := token or _token_file(home)) else {}
        try:
            self._http = httpx.Client(base_url=self._url, headers=headers, timeout=LONGEST)
        except httpx.InvalidURL:  # its text quotes what may be a password
            raise self._unreachable("is not a URL; say another --url") from None

    def get(self, path: str, **parameters: Any) -> Json:
        """What is at the path; raises Refused."""
        return self.ask("GET", path, params={name: value for name, value in parameters.items() if value is not None})

    def ask(self, method: str, path: str, *, json: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """One call; raises Refused."""
        response = self._answer(method, path, json=json, params=params)
        if response.status_code == httpx.codes.NO_CONTENT:
            return {}
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise self._unreachable(f"answered {response.status_code} without a JSON object; is it a {self._program}?")
        if not response.is_success:
            raise Refused(body)
        return body

    def _answer(self, method: str, path: str, **said: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **said)
        except httpx.LocalProtocolError:  # its text quotes the token
            raise self._unreachable("cannot be asked: the token has characters that no header may have") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise self._unreachable(f"does not answer ({error}); start one with `{self._program} serve`, or say --url") from None

    def _unreachable(self, said: str) -> Refused:
        shown = re.sub(r"(?<=//).*@", "", self._url)
        return Refused({"code": "unreachable", "detail": f"{shown} {said}"})


def _token_file(home: Path) -> str | None:
    try:
        return (home / "admin-token").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return None
