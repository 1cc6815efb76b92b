"""Conditional requests (RFC 9110, 13.1.2)."""

from __future__ import annotations

from starlette.requests import Request


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client has this representation already; compared weakly, as the RFC says for If-None-Match."""
    wished = request.headers.get("if-none-match", "").strip()
    return wished == "*" or etag in {each.strip().removeprefix("W/") for each in wished.split(",")}
