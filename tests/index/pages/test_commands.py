"""The commands of the pages, copied off them and run."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import httpx
import pytest

from tests.index.program import ADMIN, BIN, Program, chat, run, upload


async def commands(client: httpx.AsyncClient, path: str) -> list[str]:
    """The blocks that are there to be copied."""
    return [html.unescape(block) for block in re.findall(r"<pre><code>(.*?)</code></pre>", (await client.get(path)).text, re.DOTALL)]


async def block(client: httpx.AsyncClient, path: str, beginning: str) -> str:
    return next(found for found in await commands(client, path) if beginning in found)


async def runs(folder: Path, script: str) -> str:
    """The shell runs it without an error; what it said."""
    filled = re.sub(r"\bNAME\b", "chat", script.replace("…", ADMIN)).replace("PROJECT", "acme-chat")
    environment = {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin", "VIRTUAL_ENV": sys.prefix, "PLUGIN_INDEX_TOKEN": ADMIN}
    status, said = await run("sh", "-ec", f"cd '{folder}'\n{filled}", PIP_CONFIG_FILE="/dev/null", **environment)
    assert status == 0, said
    return said


@pytest.mark.parametrize("beginning", ["twine upload", "uv publish"])
async def test_publishing_as_the_page_says_publishes(client: httpx.AsyncClient, tmp_path: Path, beginning: str) -> None:
    chat().write(tmp_path / "dist")
    await runs(tmp_path, await block(client, "/", beginning))
    assert (await client.get("/projects/acme-chat/")).status_code == 200


async def test_enabling_as_the_page_says_enables(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await upload(client, chat())
    said = await runs(tmp_path, await block(client, "/", "plugin-index enable"))
    assert "enabled 1.0" in said
    assert "held at" in (await client.get("/")).text


async def test_enabling_as_a_projects_page_says_enables(client: httpx.AsyncClient, tmp_path: Path) -> None:
    await upload(client, chat())
    assert "enabled 1.0" in await runs(tmp_path, await block(client, "/projects/acme-chat/", "plugin-index enable"))


@pytest.mark.parametrize("path", ["/", "/projects/acme-chat/"])
async def test_installing_as_the_pages_say_finds_it(client: httpx.AsyncClient, tmp_path: Path, path: str) -> None:
    await upload(client, chat())
    lines = (await block(client, path, "uv pip install")).splitlines()
    assert [line.split()[0] for line in lines] == ["uv", "pip"]
    for line in lines:
        assert re.search(r"acme[-_]chat", await runs(tmp_path, f"{line} --dry-run"))


async def test_the_first_token_is_made_as_the_empty_page_says(client: httpx.AsyncClient, index: Program, tmp_path: Path) -> None:
    secret = (await runs(tmp_path, await block(client, "/", "token create"))).split()[-1]
    async with httpx.AsyncClient(base_url=index.url, timeout=60) as newcomer:
        assert (await upload(newcomer, chat(), token=secret)).status_code == 200
