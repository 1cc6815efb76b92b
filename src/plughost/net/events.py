"""Server-sent events, read: one connection; whoever reads reconnects, and resumes by the `Last-Event-ID` it sends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from plughost.errors import FetchFailed, PlughostError, SourceInvalid, SourceUnreachable
from plughost.net.client import Client
from plughost.net.rules import shown

SILENCE = 45.0
"""Seconds without even a comment after which the connection counts as dead."""
CAP = 1024 * 1024
"""Bytes from one event to the next, comments included."""


async def follow(
    client: Client, url: str, *, silence: float = SILENCE, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[ServerSentEvent, None]:
    """Each event; ends only by raising SourceUnreachable or SourceInvalid."""
    asked = {"Accept": "text/event-stream", "Cache-Control": "no-store", **(headers or {})}
    try:
        async with client.stream(url, headers=asked, silence=silence) as response:
            if response.status_code != httpx.codes.OK:
                raise SourceUnreachable(shown(url), f"HTTP {response.status_code}")
            async with aclosing(_events(response, url)) as events:
                async for event in events:
                    yield event
    except (SourceUnreachable, SourceInvalid):
        raise
    except FetchFailed as error:
        raise SourceUnreachable(shown(url), error.reason) from None
    except PlughostError as error:
        raise SourceUnreachable(shown(url), error.detail) from None
    raise SourceUnreachable(shown(url), "the event stream ended")


async def _events(response: httpx.Response, url: str) -> AsyncGenerator[ServerSentEvent, None]:
    capped = _Capped(response)
    kept = httpx.Response(response.status_code, headers={"Content-Type": response.headers.get("content-type", "")}, stream=capped)
    try:
        async with aclosing(EventSource(kept).aiter_sse()) as events:
            async for event in events:
                capped.since = 0
                yield event
    except SSEError as error:
        raise SourceInvalid(shown(url), str(error)) from None


class _Capped(httpx.AsyncByteStream):
    """The bytes as they come, as long as events come with them: what is no event yet is kept in memory."""

    def __init__(self, response: httpx.Response) -> None:
        self._response, self.since = response, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._response.aiter_raw():
            self.since += len(chunk)
            if self.since > CAP:
                raise SSEError(f"{CAP} bytes came without an event")
            yield chunk


__all__ = ["ServerSentEvent", "follow"]
