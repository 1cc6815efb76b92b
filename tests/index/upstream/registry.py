"""A small package registry that counts what it is asked, and indexes that pass it through."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import html
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from plughost.testing import BuiltWheel
from tests.index.program import Program, running
from tests.net.servers import Request, reply, serving

JSON = "application/vnd.pypi.simple.v1+json"


@dataclass(slots=True, kw_only=True)
class Registry:
    """What it has; `form` and `down` change how it answers."""

    base: str = ""
    form: str = JSON
    down: bool = False
    etags: bool = True
    pages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """While it is there and not set, files are held back."""
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when one is."""

    @property
    def url(self) -> str:
        return f"{self.base}/simple/"

    def has(self, *wheels: BuiltWheel, metadata: bytes | None = None, **said: Any) -> None:
        """Offer these; what is said of them is said as in PEP 691."""
        for built in wheels:
            row: dict[str, Any] = {"filename": built.filename, "url": f"../../kept/{built.filename}", "hashes": {"sha256": built.sha256}}
            row |= {"size": len(built.data), "upload-time": "2026-01-02T03:04:05.678901Z"}
            self.files[f"/kept/{built.filename}"] = built.data
            if metadata is not None:
                row["core-metadata"] = {"sha256": hashlib.sha256(metadata).hexdigest()}
                self.files[f"/kept/{built.filename}.metadata"] = metadata
            project = canonicalize_name(built.filename.partition("-")[0])
            self.pages.setdefault(project, []).append(row | said)

    def count(self, path: str) -> int:
        """How often that was asked."""
        return sum(request.target == path for request in self.asked)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        self.asked.append(request)
        project = request.target.removeprefix("/simple/").strip("/")
        if self.down:
            await reply(status=503)(request, writer)
        elif request.target.startswith("/simple/") and project in self.pages:
            await self._page(project, request, writer)
        elif (data := self.files.get(request.target)) is not None:
            if self.gate is not None:
                self.waiting.set()
                await self.gate.wait()
            await reply(data)(request, writer)
        else:
            await reply(status=404)(request, writer)

    async def _page(self, project: str, request: Request, writer: asyncio.StreamWriter) -> None:
        rows = self.pages[project]
        body = json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": rows}) if self.form == JSON else _html(rows)
        etag = f'"{hashlib.sha256(body.encode()).hexdigest()}"' if self.etags else ""
        headers = {"Content_Type": self.form} | ({"ETag": etag} if etag else {})
        known = bool(etag) and request.headers.get("if-none-match") == etag
        await reply(b"" if known else body.encode(), status=304 if known else 200, **headers)(request, writer)


@contextlib.asynccontextmanager
async def registry() -> AsyncIterator[Registry]:
    """A registry on a free port."""
    made = Registry()
    async with serving(made.answer) as server:
        made.base = server.url
        yield made


def passing(home: Path, *urls: str, arguments: Sequence[str] = (), **environment: str) -> contextlib.AbstractAsyncContextManager[Program]:
    """An index that passes these through, and finds nothing that this machine is configured for."""
    named = [part for url in urls for part in ("--upstream-url", url)]
    return running(home, "--upstream", *named, *arguments, within=tuple, **(bare(home.parent) | environment))


def bare(home: Path) -> dict[str, str]:
    """An environment in which neither pip nor uv is configured for a registry."""
    unset = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
    folders = {"HOME": str(home), "XDG_CONFIG_HOME": str(home / "config"), "XDG_CONFIG_DIRS": str(home / "config")}
    return dict.fromkeys(unset, "") | folders | {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "NO_PROXY": "127.0.0.1,localhost"}


def _html(rows: Sequence[dict[str, Any]]) -> str:
    return "<!DOCTYPE html><html><body>" + "".join(map(_anchor, rows)) + "</body></html>"


def _anchor(row: dict[str, Any]) -> str:
    said = {"href": f"{row['url']}#sha256={row['hashes']['sha256']}"}
    if "core-metadata" in row:
        said["data-core-metadata"] = f"sha256={row['core-metadata']['sha256']}"
    if "requires-python" in row:
        said["data-requires-python"] = row["requires-python"]
    if row.get("yanked"):
        said["data-yanked"] = row["yanked"] if isinstance(row["yanked"], str) else ""
    attributes = " ".join(f'{name}="{html.escape(value)}"' for name, value in said.items())
    return f"<a {attributes}>{html.escape(row['filename'])}</a>"
