"""Errors as problem details (RFC 9457), from one of our errors or from what `describe` said of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from starlette.responses import Response

from plughost.errors import describe
from plughost.types import Send

TYPES = "https://plughost.example/errors/"
"""A problem's `type` is this and its code; docs/errors.md says cause and remedy. A reserved domain (RFC 2606), until there is a site."""
MEDIA_TYPE = "application/problem+json"
Described = BaseException | Mapping[str, object]


def problem(error: Described, **extra: object) -> dict[str, object]:
    """The members of the problem: type, title, status, detail, code, and what the error says besides."""
    said = describe(error) if isinstance(error, BaseException) else error
    members = {name: value for name, value in said.items() if name != "retried"}
    return {"type": f"{TYPES}{members['code']}", **members, **extra}


def problem_response(error: Described, *, headers: Mapping[str, str] | None = None, **extra: object) -> Response:
    """The problem as a response with its own status."""
    members = problem(error, **extra)
    return Response(
        json.dumps(members), status_code=_status(members), media_type=MEDIA_TYPE, headers={**_headers(members), **(headers or {})}
    )


async def send_problem(send: Send, error: Described, **extra: object) -> None:
    """The problem straight to an ASGI server."""
    members = problem(error, **extra)
    body = json.dumps(members).encode()
    headers = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), **_headers(members)}
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": _status(members), "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _status(members: Mapping[str, object]) -> int:
    status = members.get("status")
    return status if isinstance(status, int) else 500


def _headers(members: Mapping[str, object]) -> dict[str, str]:
    headers = {"Cache-Control": "no-store"}
    status, retry = _status(members), members.get("retry_after")
    if isinstance(retry, int | float):
        headers["Retry-After"] = str(max(1, math.ceil(retry)))
    elif status == 503:  # noqa: PLR2004 - Service Unavailable
        headers["Retry-After"] = "1"
    if status == 401:  # noqa: PLR2004 - Unauthorized
        headers["WWW-Authenticate"] = 'Bearer realm="plughost"'
    return headers
