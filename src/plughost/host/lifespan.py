"""The ASGI lifespan protocol around an application that may have one of its own: its first, ours inside."""

from __future__ import annotations

import contextlib
import traceback
from contextlib import AbstractAsyncContextManager

from plughost.errors import PlughostError
from plughost.types import ASGIApp, ASGIScope, Message, Receive, Send


async def around(
    running: AbstractAsyncContextManager[object], core: ASGIApp | None, scope: ASGIScope, receive: Receive, send: Send
) -> None:
    """Let the core start, enter `running`, and only then say that all is up; on shutdown leave it, then let the core stop."""
    said = False
    async with contextlib.AsyncExitStack() as stack:

        async def told(message: Message) -> None:
            nonlocal said
            said = True
            if message["type"] == "lifespan.startup.complete":
                try:
                    await stack.enter_async_context(running)
                except BaseException as error:
                    said_why = error.detail if isinstance(error, PlughostError) else traceback.format_exc()
                    await send({"type": "lifespan.startup.failed", "message": said_why})
                    raise
            await send(message)

        async def heard() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await stack.aclose()
            return message

        try:
            if core is not None:
                await core(scope, heard, told)
        except Exception:
            if said:
                raise
        if not said:  # there is no core, or it knows no lifespan
            await _silent(heard, told)


async def _silent(receive: Receive, send: Send) -> None:
    await send({"type": "lifespan.startup.complete"})
    while (await receive())["type"] != "lifespan.shutdown":
        pass
    await send({"type": "lifespan.shutdown.complete"})
