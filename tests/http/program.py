"""A small application under `serve`, as a process of its own. Says on stdout what happens to it.

python program.py '{"drain": 1, "lifespan": "works", ...}'
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from plughost.errors import PlughostError
from plughost.http import ReasonProtocol, say_reason, serve

OPTIONS = json.loads(sys.argv[1])
CHUNK = b"x" * 65536
released = asyncio.Event()
stopping: list[bool] = []


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def quick(_: Request) -> Response:
    return PlainTextResponse("no", 503) if stopping else PlainTextResponse("yes")


async def large(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield CHUNK
            await asyncio.sleep(0)

    return StreamingResponse(pieces(), headers={"content-length": str(4 * len(CHUNK))})


async def slow(_: Request) -> Response:
    say("slow")
    await released.wait()
    return PlainTextResponse("finished")


async def release(_: Request) -> Response:
    released.set()
    return PlainTextResponse("released")


async def endless(_: Request) -> Response:
    async def numbers() -> AsyncIterator[bytes]:
        while not released.is_set():
            yield b"more\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(numbers())


async def deaf(_: Request) -> Response:
    say("deaf")
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)


async def heard(_: Request) -> Response:
    say("heard")
    try:
        await asyncio.sleep(3600)
    finally:
        say("cancelled")
    return PlainTextResponse("never")


async def blocked(_: Request) -> Response:
    say("blocked")
    while True:
        time.sleep(1)


async def torrent(_: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        say("torrent")
        while True:
            yield CHUNK

    return StreamingResponse(pieces())


async def reason(request: Request) -> Response:
    say_reason(request.scope, bytes.fromhex(request.query_params["hex"]).decode("latin-1"))
    return PlainTextResponse("body", 400)


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("here")
    try:
        await socket.receive_text()
    except WebSocketDisconnect as left:
        say(f"left {left.code}")


async def flood(socket: WebSocket) -> None:
    await socket.accept()
    say("flood")
    while True:
        await socket.send_bytes(CHUNK)


@contextlib.asynccontextmanager
async def lifespan(_: Starlette) -> AsyncIterator[None]:
    kind = OPTIONS.get("lifespan", "works")
    if kind == "fails":
        raise RuntimeError("it cannot start")
    if kind == "waits":
        say("starting")
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    if kind == "leaves a thread":
        threading.Thread(target=threading.Event().wait).start()
    say("started")
    yield
    if kind == "never stops":
        await asyncio.Event().wait()
    say("stopped")


async def cut() -> None:
    say("cut")
    if OPTIONS.get("cut") == "fails":
        raise RuntimeError("it cannot cut")
    released.set()


app = Starlette(
    routes=[
        *(Route(f"/{each.__name__}", each) for each in (quick, large, slow, release, endless, deaf, heard, blocked, torrent, reason)),
        *(WebSocketRoute(f"/{each.__name__}", each) for each in (talk, flood)),
    ],
    lifespan=lifespan,
)


def begin_to_stop() -> None:
    stopping.append(True)
    if OPTIONS.get("tells"):
        os.write(1, b"stopping\n")  # a signal handler may interrupt a `print`


def main() -> int:
    options: dict[str, Any] = {"http": ReasonProtocol} if OPTIONS.get("reason") else {}
    try:
        return serve(
            app,
            OPTIONS.get("host", "127.0.0.1"),
            OPTIONS.get("port", 0),
            drain=OPTIONS.get("drain", 50),
            stop_deadline=OPTIONS.get("stop", 50),
            stopping=begin_to_stop,
            cut=None if OPTIONS.get("cut") == "none" else cut,
            on_ready=lambda: say("ready"),
            last=lambda: say("last words"),
            loop=OPTIONS.get("loop", "auto"),
            **options,
        )
    except PlughostError as error:
        say(error.code)
        return 3


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job starts with SIG_IGN
    sys.exit(main())
