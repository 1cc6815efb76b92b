"""`plughost serve` as a real child process, on a home and a folder of wheels."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import httpx

from plughost.testing import BuiltWheel

PATIENCE = 60.0
TOKEN = "the-admin-token-of-a-test"
PROGRAM = Path(sys.executable).parent / "plughost"


class Child:
    """One process of the host."""

    def __init__(self, process: asyncio.subprocess.Process, printed: list[str], http: httpx.AsyncClient, log: Path) -> None:
        self.process, self.printed, self.http, self.log = process, printed, http, log
        self.url = str(http.base_url).rstrip("/")

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def ask(self, method: str, path: str, json: object = None) -> httpx.Response:
        return await self.http.request(method, path, json=json, headers={"Authorization": f"Bearer {TOKEN}", "Prefer": "wait=60"})

    async def says(self, path: str, expected: object) -> None:
        """Wait until the path answers 200 with this JSON."""

        async def so() -> bool:
            answer = await self.get(path)
            return answer.status_code == 200 and answer.json() == expected

        await self.until(so, f"{path} says {expected!r}")

    async def status(self, name: str, status: str) -> dict[str, object]:
        """Wait until the plugin has this status; what the host says of it then."""
        seen: dict[str, object] = {}

        async def so() -> bool:
            answer = await self.ask("GET", f"/api/plugins/{name}")
            seen.clear()
            seen.update(answer.json())
            return seen.get("status") == status

        await self.until(so, f"{name} is {status}")
        return seen

    async def until(self, check: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not await check():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE:g} s: {what}\n{self.log.read_text()[-4000:]}") from None

    async def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        await self.process.wait()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it, and answer its exit status."""
        self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def child(home: Path, *arguments: str, folder: bool = True, **environment: str) -> AsyncIterator[Child]:
    """A host on this home, whose folder `wheels` is its source (there or not); ended at the end, however it is."""
    wheels = home / "wheels"
    if folder:
        wheels.mkdir(parents=True, exist_ok=True)
    (home / "plughost.toml").write_text(f'[[sources]]\nurl = "{wheels}"\nkind = "folder"\n')
    async with running([PROGRAM, "serve", "--home", str(home), "--port", "0", *arguments], home / "log.txt", **environment) as host:
        yield host


@contextlib.asynccontextmanager
async def running(command: Sequence[str | Path], log: Path, **environment: str) -> AsyncIterator[Child]:
    """The command, which becomes a host; its standard error goes into the log."""
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            env=os.environ | {"PLUGHOST_ADMIN_TOKEN": TOKEN} | environment,
        )
    try:
        printed = await _serving(process, log)
        async with httpx.AsyncClient(base_url=printed[-1].split()[2], timeout=PATIENCE + 10) as http:
            yield Child(process, printed, http, log)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def put(home: Path, *wheels: BuiltWheel) -> None:
    """Put wheels into the folder that the host follows."""
    for wheel in wheels:
        wheel.write(home / "wheels")


async def _serving(process: asyncio.subprocess.Process, log: Path) -> list[str]:
    """What it printed until it served."""
    assert process.stdout is not None
    printed: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            printed.append(line.decode().rstrip())
            if line.startswith(b"serving on "):
                return printed
    raise AssertionError(f"it ended with {await process.wait()}: {log.read_text()[-4000:]}")
