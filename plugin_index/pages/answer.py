"""How pages are answered: with an ETag, always to be asked for again, and with a policy that lets nothing run."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from plugin_index.negotiation import headers_of, unchanged

POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Images are the icon alone: whoever has the images of a README would learn who reads it, so these are links."""
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def answer(request: Request, body: bytes, media_type: str, *, status: int = 200) -> Response:
    """The body, or 304 where the client has it."""
    headers = {**HEADERS, "ETag": f'"{hashlib.sha256(body).hexdigest()}"'}
    if status == 200 and unchanged(headers_of(request.scope["headers"], b"if-none-match")[0], headers["ETag"]):  # noqa: PLR2004 - OK
        return Response(status_code=304, headers=headers)
    return Response(body, status_code=status, media_type=media_type, headers=headers)
