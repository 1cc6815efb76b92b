from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

PATIENCE = 60.0
_PROGRAM = Path(__file__).with_name("program.py")
Run = Callable[..., Awaitable["Child"]]


class Child:
    """The program, and what it said."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process, self.said, self.url, self.log = process, list[str](), "", log
        self.http = httpx.AsyncClient(timeout=PATIENCE)

    async def says(self, word: str) -> None:
        """Wait until it says so, unless it has already."""
        async with asyncio.timeout(PATIENCE):
            while word not in self.said:
                assert await self._line(), f"it ended, and said {self.said}; {self.log.read_text()}"

    async def serving(self) -> None:
        """Wait until it serves."""
        await self.says("ready")
        (line,) = (said for said in self.said if said.startswith("serving on "))
        self.url = line.removeprefix("serving on ")
        self.http.base_url = httpx.URL(self.url)

    async def type(self) -> None:
        """What it waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        await self.process.stdin.drain()

    async def ended(self) -> int:
        """Its exit status, after all that it still says."""
        async with asyncio.timeout(PATIENCE):
            while await self._line():
                pass
            return await self.process.wait()

    async def stop(self, number: int) -> int:
        self.process.send_signal(number)
        return await self.ended()

    async def _line(self) -> bool:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        self.said += [line.decode().rstrip()] if line else []
        return bool(line)

    async def close(self) -> None:
        await self.http.aclose()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.communicate()


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """Starts programs that end with the test, however they are."""
    async with AsyncExitStack() as stack:

        async def started(**options: Any) -> Child:
            pipe = asyncio.subprocess.PIPE
            log = tmp_path / "log.txt"
            with log.open("wb") as sink:
                command = [sys.executable, str(_PROGRAM), json.dumps(options)]
                process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=sink)
            child = Child(process, log)
            stack.push_async_callback(child.close)
            return child

        yield started
