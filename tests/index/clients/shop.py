"""Releases on an index, put there by hand."""

from __future__ import annotations

from typing import Any

import httpx

from plughost.testing import BuiltWheel
from tests.index.program import ADMIN, Program, chat, upload


async def publish(program: Program, *wheels: BuiltWheel) -> None:
    """Upload wheels."""
    async with httpx.AsyncClient(base_url=program.url) as client:
        for built in wheels:
            (await upload(client, built)).raise_for_status()


async def yank(program: Program, project: str, version: str) -> None:
    """Let a release never be newly chosen."""
    async with httpx.AsyncClient(base_url=program.url, headers={"Authorization": f"Bearer {ADMIN}"}) as client:
        (await client.post(f"/api/projects/{project}/{version}/yank", json={"reason": "it breaks"})).raise_for_status()


def release(project: str, version: str = "1.0", **options: Any) -> BuiltWheel:
    """A wheel with one plugin of its project's name."""
    return chat(version, project=project, plugin=project, **options)


def named(client: str, what: str) -> str:
    """A project's name that only this client's test uses."""
    return f"{client.replace('--', '').replace(' ', '-')}-{what}"
