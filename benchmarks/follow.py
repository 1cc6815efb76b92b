"""How long a change of the plugin list takes to those who follow: two hundred event streams, and a real host.

An operator enables the one and the other version of a plugin in turn, with two hundred followers and with the host alone, in
turn. Told: from the request to the last follower's event. Heard: to the host's first event about that version. Serving: to its
`plugin.mounted`. Aim: a change is heard in under 300 ms with two hundred followers.

    python benchmarks/follow.py [--changes N] [--followers N]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from plughost.testing import wheel

TOKEN = "the-admin-token-of-a-benchmark"
BIN = Path(sys.executable).parent
PATIENCE = 60.0
PLUGIN = "from fastapi import APIRouter\nrouter = APIRouter()\nplugin = {'routes': router}\n"


@dataclass(slots=True)
class Times:
    """Milliseconds from an operator's request."""

    answered: list[float] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    serving: list[float] = field(default_factory=list)


@contextlib.asynccontextmanager
async def program(*command: str, **environment: str) -> AsyncIterator[str]:
    """The URL at which it serves; it is ended at the end."""
    process = await asyncio.create_subprocess_exec(
        BIN / command[0], *command[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=os.environ | environment
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            async for line in process.stdout:
                if line.startswith(b"serving on "):
                    break
        yield line.decode().split()[2]
    finally:
        process.terminate()
        await process.wait()


class Stream:
    """The events of one stream, each with the moment at which it came."""

    def __init__(self, url: str, path: str) -> None:
        self._url, self._path = httpx.URL(url), path
        self.came: asyncio.Queue[tuple[float, str, str]] = asyncio.Queue()
        self.open = asyncio.Event()
        self.newest = 0
        """The newest generation that a host's stream told of."""

    async def read(self) -> None:
        reader, writer = await asyncio.open_connection(self._url.host, self._url.port)
        writer.write(f"GET {self._path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode())
        event = ""
        try:
            async for raw in reader:
                line = raw.decode().strip()
                if line.startswith(": here"):
                    self.open.set()
                if line.startswith("event:"):
                    event = line.partition(": ")[2]
                elif line.startswith("data:"):
                    self.came.put_nowait((time.perf_counter(), event, line.partition(":")[2].strip()))
        finally:
            writer.close()


async def change(client: httpx.AsyncClient, version: str, followers: list[Stream], host: Stream, times: Times) -> None:
    begun = time.perf_counter()

    def since(moment: float) -> float:
        return (moment - begun) * 1000

    answer = await client.post("/api/plugins/chat/enable", json={"version": version})
    answer.raise_for_status()
    times.answered.append(since(time.perf_counter()))
    times.told.append(since(max([(await follower.came.get())[0] for follower in followers])))
    heard = 0.0
    while True:
        moment, event, data = await host.came.get()
        number = json.loads(data).get("generation") or 0
        if number > host.newest:  # not what is left of the version before
            heard = heard or moment
            if event == "plugin.mounted":
                host.newest = number
                break
    times.heard.append(since(heard))
    times.serving.append(since(moment))


async def main(changes: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = program("plugin-index", "serve", "--home", f"{folder}/index", "--port", "0", PLUGIN_INDEX_ADMIN_TOKEN=TOKEN)
        async with index as index_url, httpx.AsyncClient(base_url=index_url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            for version in ("1.0", "1.1"):
                built = wheel("acme-chat", version, {"acme_chat.py": PLUGIN}, plugins={"chat": "acme_chat:plugin"})
                answer = await client.post("/legacy/", data={":action": "file_upload"}, files={"content": (built.filename, built.data)})
                answer.raise_for_status()
            serve = ("serve", "--home", f"{folder}/host", "--port", "0", "--index", index_url)
            async with program("plughost", *serve, PLUGHOST_ADMIN_TOKEN=TOKEN) as host_url:
                await measure(client, index_url, host_url, changes, count)


async def measure(client: httpx.AsyncClient, index_url: str, host_url: str, changes: int, count: int) -> None:
    host = Stream(host_url, "/api/events")
    events = "/api/plugins/events"
    alone = [Stream(index_url, events)]
    crowd = [Stream(index_url, events) for _ in range(count)]
    found = {"alone": Times(), "crowd": Times()}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(stream.read()) for stream in (host, *alone)]
        for stream in (host, *alone):
            await stream.open.wait()
        for number in range(changes * 2 + 2):
            together = number % 2 == 1
            joined = [group.create_task(stream.read()) for stream in crowd] if together else []
            for stream in crowd if together else ():
                await stream.open.wait()
            times = found["crowd" if together else "alone"] if number > 1 else Times()
            await change(client, f"1.{number % 2}", alone + (crowd if together else []), host, times)
            for task in joined:
                task.cancel()
            for stream in crowd:
                stream.open.clear()
        for task in tasks:
            task.cancel()
    report(found, count)


def report(found: dict[str, Times], count: int) -> None:
    print(f"{'ms from an operator s request':32}{'host alone':>22}{f'and {count} followers':>22}{'ratio':>8}")
    for name, what in (
        ("answered", "its answer"),
        ("told", "the last follower's event"),
        ("heard", "the host's first event of it"),
        ("serving", "the host serves it"),
    ):
        one, many = sorted(getattr(found["alone"], name)), sorted(getattr(found["crowd"], name))
        medians = statistics.median(one), statistics.median(many)
        shown = [f"{median:.1f} (max {each[-1]:.1f})" for median, each in zip(medians, (one, many), strict=True)]
        print(f"{what:32}{shown[0]:>22}{shown[1]:>22}{medians[1] / medians[0]:>8.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changes", type=int, default=30)
    parser.add_argument("--followers", type=int, default=200)
    asked = parser.parse_args()
    asyncio.run(main(asked.changes, asked.followers))
