"""Server-sent events, read: one connection; whoever reads reconnects, and resumes by the `Last-Event-ID` it sends."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from httpx_sse import EventSource, ServerSentEvent, SSEError

from plughost.errors import FetchFailed, PlughostError, SourceInvalid, SourceUnreachable
from plughost.net.client import Client

SILENCE = 45.0
"""Seconds without even a comment after which the connection counts as dead."""


async def follow(
    client: Client, url: str, *, silence: float = SILENCE, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[ServerSentEvent, None]:
    """Each event; ends only by raising SourceUnreachable or SourceInvalid."""
    asked = {"Accept": "text/event-stream", "Cache-Control": "no-store", **(headers or {})}
    try:
        async with client.stream(url, headers=asked, silence=silence) as response:
            if response.status_code != 200:  # noqa: PLR2004 - OK
                raise SourceUnreachable(url, f"HTTP {response.status_code}")
            async for event in EventSource(response).aiter_sse():
                yield event
    except SSEError as error:
        raise SourceInvalid(url, str(error)) from None
    except (SourceUnreachable, SourceInvalid):
        raise
    except FetchFailed as error:
        raise SourceUnreachable(url, error.reason) from None
    except PlughostError as error:
        raise SourceUnreachable(url, error.detail) from None
    raise SourceUnreachable(url, "the event stream ended")


__all__ = ["ServerSentEvent", "follow"]
