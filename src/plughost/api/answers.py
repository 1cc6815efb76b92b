"""What every mutation answers: 202 and where to look, or, for who waits, the operation's end."""

from __future__ import annotations

import re

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from plughost.api.console import Console
from plughost.api.shapes import operation_json
from plughost.control.operate import Caller
from plughost.errors import NotYet, RequestInvalid
from plughost.http import problem_response
from plughost.model.operation import Operation

LONGEST = 60.0
"""Seconds that a client may wait for in one call."""
_PREFER = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?([0-9.]+)")


def caller(request: Request, reason: str = "") -> Caller:
    """Who asks, as the access check found."""
    principal = request.state.principal
    return Caller(by=principal.name, origin=request.client.host if request.client else "", reason=reason)


def refuse_dry_run(*, asked: bool) -> None:
    """Dry runs come later; saying so is better than doing it for real."""
    if asked:
        raise NotYet("dry_run")


def patience(request: Request) -> float:
    """How many seconds the client waits: `?wait=N` or `Prefer: wait=N` (RFC 7240)."""
    text = request.query_params.get("wait")
    if text is None:
        preferred = _PREFER.search(request.headers.get("prefer", ""))
        text = preferred[1] if preferred else "0"
    try:
        seconds = float(text)
    except ValueError:
        raise RequestInvalid(f"wait={text!r} is not a number of seconds up to {LONGEST:g}") from None
    if not 0 <= seconds <= LONGEST:
        raise RequestInvalid(f"wait={text!r} is not a number of seconds up to {LONGEST:g}")
    return seconds


async def answer(console: Console, request: Request, operation: Operation) -> Response:
    """202 with its Location; or, after waiting, 200 with the finished operation or the problem that ended it."""
    if seconds := patience(request):
        operation = await console.operations.wait(operation.id, seconds) or await console.ledger.operation(operation.id)
    location = f"{request.scope['root_path']}/api/operations/{operation.id}"
    headers = {"Location": location}
    if operation.error:
        return problem_response(operation.error, headers=headers, operation=operation.id, plugin=operation.plugin)
    status = 202 if operation.state == "running" else 200
    return JSONResponse(operation_json(operation), status_code=status, headers=headers)
