"""What is published for the pages' tests."""

from __future__ import annotations

import httpx

from plughost.testing import BuiltWheel, wheel
from tests.index.pages import hostile
from tests.index.program import PLUGIN, upload

HOSTILE = """<script>document.title='it-ran'</script>"><img src=x onerror="document.title='it-ran'">&amp;{{ 7 * 7 }}"""


def described(version: str = "1.0", *, readme: str = "# Acme chat\n\nIt chats.\n", kind: str = "text/markdown", **more: str) -> BuiltWheel:
    """A plugin with all that METADATA may say."""
    said = {
        "Summary": "Rooms to talk in.",
        "License-Expression": "Apache-2.0",
        "Author": "The chat people",
        "Keywords": "chat,rooms",
        "Project-URL": "Source, https://example.com/acme/chat",
        "Requires-Dist": "acme-words>=1; python_version >= '3.8'",
        "Description-Content-Type": kind,
        **more,
    }
    lines = [*(f"{name}: {value}" for name, value in said.items()), "Requires-Dist: fastapi>=0.110", "", readme]
    return wheel(
        "acme-chat",
        version,
        {"acme_chat.py": PLUGIN},
        plugins={"chat": "acme_chat:plugin"},
        requires_python=">=3.11",
        metadata=lines,
    )


async def publish(client: httpx.AsyncClient, *wheels: BuiltWheel) -> None:
    for each in wheels:
        answer = await upload(client, each)
        assert answer.status_code == 200, answer.text


async def does(client: httpx.AsyncClient, verb: str, place: str, **body: str) -> None:
    """An operator's change."""
    answer = await client.post(f"/api/{place}/{verb}", json=body)
    assert answer.is_success, answer.text


async def shop(client: httpx.AsyncClient) -> None:
    """An index with a bit of everything, of which some is hostile."""
    evil = described("2.0", readme=hostile.MARKDOWN, Summary=HOSTILE, Author=HOSTILE, Keywords=HOSTILE, License=HOSTILE)
    words = wheel("acme-words", "1.0", {"acme_words.py": ""})
    await publish(client, described("0.9"), described("1.0"), evil, words)
    await does(client, "yank", "projects/acme-chat/0.9", reason=HOSTILE)
    await does(client, "enable", "plugins/chat", version=">=1,<2", reason=HOSTILE)
