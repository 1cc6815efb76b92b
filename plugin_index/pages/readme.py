"""READMEs as HTML that is safe in a page: each rendered once, in a child process that has a deadline.

What is plain text, too large, or not what it says it is, is shown as the text that it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass

from plugin_index.pages.facts import Facts
from plugin_index.pages.kept import Kept

_RENDERED = ("text/markdown", "text/x-rst")
_UNSAID = "text/x-rst"
"""What a description is that does not say so (the core metadata specification)."""
LARGEST = 256 * 1024
"""Characters that are worth rendering, and that are shown at most."""
DEADLINE = 60.0
"""Seconds on a busy machine; the child itself ends after ten of processor time."""
ROOM = 16 * 1024 * 1024
"""Characters of rendered READMEs in memory at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readme:
    """What a page shows, and a word about it."""

    html: str
    note: str = ""


class Readmes:
    """The READMEs of files, by the hash of the METADATA that they are in."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._kept: Kept[str, Readme] = Kept(ROOM, lambda readme: len(readme.html))
        self._rendering = asyncio.Lock()

    async def of(self, metadata_sha256: str, facts: Facts) -> Readme | None:
        """The README in these facts; None where there is none."""
        text = facts.description.strip()
        if not text:
            return None
        if (readme := self._kept.get(metadata_sha256)) is not None:
            return readme
        async with self._rendering:  # one at a time: uploads need the processor too
            if (readme := self._kept.get(metadata_sha256)) is None:
                readme = await self._readme(text, facts)
                self._kept.put(metadata_sha256, readme)
        return readme

    async def _readme(self, text: str, facts: Facts) -> Readme:
        kind = facts.kind or _UNSAID
        if len(text) > LARGEST:
            return Readme(html=_plain(text[:LARGEST]), note="Only the beginning, as it was written: it is too long to be rendered.")
        if kind not in _RENDERED:
            return Readme(html=_plain(text))
        if (rendered := await _rendered(text, kind, facts.variant, self._deadline)) is not None:
            return Readme(html=rendered)
        return Readme(html=_plain(text), note=f"As it was written: it cannot be rendered as {kind}." if facts.kind else "")


def _plain(text: str) -> str:
    return f"<pre>{html.escape(text)}</pre>"


async def _rendered(text: str, kind: str, variant: str, deadline: float) -> str | None:
    command = (sys.executable, "-I", "-m", "plugin_index.pages.rendering", kind, variant)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(deadline), _child(*command) as child:
            said, _ = await child.communicate(text.encode("utf-8", "replace"))
            return said.decode() if child.returncode == 0 else None
    return None


@contextlib.asynccontextmanager
async def _child(*command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that ends here at the latest."""
    pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=nowhere, env={})
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
