"""`plugin-index serve` as a child process, uploads by hand, and clients as child processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import httpx

from plughost.testing import BuiltWheel, wheel

ADMIN = "the-admin-token-of-a-test"
PATIENCE = 120.0
BIN = Path(sys.executable).parent
Within = Callable[[Sequence[str]], Sequence[str]]
PLUGIN = "def plugin():\n    return {'routes': []}\n"


def chat(version: str = "1.0", *, says: str = "", project: str = "acme-chat", plugin: str | None = "chat", **options: object) -> BuiltWheel:
    """A wheel with one plugin (or none); `says` changes its bytes."""
    module = project.replace("-", "_")
    plugins = {plugin: f"{module}:plugin"} if plugin else None
    return wheel(project, version, {f"{module}.py": PLUGIN + says}, plugins=plugins, **options)  # type: ignore[arg-type]


class Program:
    """A running index."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, home: Path) -> None:
        self.process, self.url, self.home = process, url, home

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@contextlib.asynccontextmanager
async def running(home: Path, *arguments: str, within: Within = tuple, **environment: str) -> AsyncIterator[Program]:
    """An index on this home, ended at the end; `within` may put its command into another one."""
    home.mkdir(parents=True, exist_ok=True)
    log = home / "log.txt"
    with log.open("ab") as sink:
        process = await asyncio.create_subprocess_exec(
            *within([str(BIN / "plugin-index"), "serve", "--home", str(home), "--port", "0", *arguments]),
            stdout=asyncio.subprocess.PIPE,
            stderr=sink,
            env=os.environ | {"PLUGIN_INDEX_ADMIN_TOKEN": ADMIN} | environment,
        )
    try:
        yield Program(process, await _serving(process, log), home)
    finally:
        if process.returncode is None:
            process.terminate()
            async with asyncio.timeout(PATIENCE):
                await process.wait()


async def run(*command: str | Path, **environment: str) -> tuple[int, str]:
    """A client to its end: its exit status and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=_clean(os.environ) | {"NO_COLOR": "1", "COLUMNS": "400"} | environment,
    )
    async with asyncio.timeout(PATIENCE):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def upload(client: httpx.AsyncClient, built: BuiltWheel, *, token: str | None = ADMIN, **fields: str) -> httpx.Response:
    """An upload as twine sends it."""
    form = {":action": "file_upload", "protocol_version": "1", "sha256_digest": built.sha256, **fields}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=client.base_url, timeout=60) as bare:
        return await bare.post("/legacy/", data=form, files={"content": (built.filename, built.data)}, headers=headers)


def _clean(environ: Mapping[str, str]) -> dict[str, str]:
    """Without what this machine's clients are configured for."""
    return {key: value for key, value in environ.items() if not key.startswith(("PIP_", "UV_", "TWINE_"))}


async def _serving(process: asyncio.subprocess.Process, log: Path) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        async for line in process.stdout:
            if line.startswith(b"serving on "):
                return line.decode().split()[2]
    raise AssertionError(f"it ended with {await process.wait()}: {log.read_text()[-4000:]}")
