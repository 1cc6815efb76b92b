"""How long clients may take for what they send; and the body of a call of the API: small, and read before anybody looks at it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from plughost.types import ASGIScope, Message, Receive
from plugin_index.errors import RequestTooLarge, RequestTooSlow
from plugin_index.negotiation import headers_of

LARGEST = 1024 * 1024
"""Bytes at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds that clients may take at most."""

    silence: float = 30.0
    """Without a byte of an upload."""
    deadline: float = 1800.0
    """For all of an upload."""
    call: float = 30.0
    """For the body of any other call."""


async def read_whole(scope: ASGIScope, receive: Receive, *, seconds: float) -> Receive:
    """The same `receive`, which has the whole body at once; raises RequestTooLarge or RequestTooSlow."""
    said = headers_of(scope["headers"], b"content-length")[0]
    if said.isdecimal() and int(said[:20]) > LARGEST:
        raise RequestTooLarge(LARGEST)
    try:
        async with asyncio.timeout(seconds):
            read = await _read(receive)
    except TimeoutError:
        raise RequestTooSlow(seconds) from None
    left = [read]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again


async def _read(receive: Receive) -> Message:
    """The body as one message; or that the client has left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > LARGEST:
            raise RequestTooLarge(LARGEST)
        if not message.get("more_body", False):
            return {"type": "http.request", "body": bytes(body), "more_body": False}
