"""The real clients, unmodified: twine and uv publish, pip and uv install."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import httpx

from plughost.testing import wheel
from tests.index.program import ADMIN, BIN, Program, chat, run


def account(index: Program, token: str = ADMIN) -> dict[str, str]:
    return {"TWINE_REPOSITORY_URL": f"{index.url}/legacy/", "TWINE_USERNAME": "__token__", "TWINE_PASSWORD": token}


async def twine(index: Program, *files: Path, token: str = ADMIN) -> tuple[int, str]:
    command: list[str | Path] = [sys.executable, "-m", "twine", "upload", "--non-interactive", "--disable-progress-bar", *files]
    return await run(*command, **account(index, token))


async def uv_publish(index: Program, *files: Path, token: str = ADMIN) -> tuple[int, str]:
    return await run(BIN / "uv", "publish", "--publish-url", f"{index.url}/legacy/", "--token", token, *files)


async def test_twine_uploads_and_the_same_bytes_again_are_fine(index: Program, folder: Path) -> None:
    file = chat().write(folder)
    assert (await twine(index, file))[0] == 0
    assert (await twine(index, file))[0] == 0


async def test_twine_shows_why_other_bytes_are_refused(index: Program, folder: Path) -> None:
    await twine(index, chat().write(folder))
    status, said = await twine(index, chat(says="# other").write(folder))
    assert status == 1
    assert "File already exists" in said


async def test_twine_shows_why_a_token_is_refused(index: Program, folder: Path) -> None:
    status, said = await twine(index, chat().write(folder), token="wrong")
    assert status == 1
    assert "403" in said
    assert "token" in said


async def test_uv_publishes_and_shows_why_it_is_refused(index: Program, folder: Path) -> None:
    assert (await uv_publish(index, chat().write(folder)))[0] == 0
    status, said = await uv_publish(index, chat(says="# other").write(folder))
    assert status != 0
    assert "already exists" in said


async def test_who_may_not_upload_hears_so_though_the_file_is_large(index: Program, folder: Path) -> None:
    noise = random.Random(7).randbytes(12 << 20)
    file = wheel("acme-large", "1.0", {"acme_large/__init__.py": "", "acme_large/noise.bin": noise}).write(folder)
    for status, said in (await twine(index, file, token="wrong"), await uv_publish(index, file, token="wrong")):
        assert status != 0
        assert "403" in said
        assert "unknown or has expired" in said


async def test_pip_installs_from_it_alone(index: Program, folder: Path, tmp_path: Path) -> None:
    await twine(index, chat(requires_python=">=3.8").write(folder))
    target = tmp_path / "target"
    command = (sys.executable, "-m", "pip", "install", "--index-url", f"{index.url}/simple/", "--no-deps", "--target", target, "acme-chat")
    status, said = await run(*command, PIP_CONFIG_FILE="/dev/null", PIP_NO_CACHE_DIR="1")
    assert status == 0, said
    assert (target / "acme_chat.py").is_file()


async def test_uv_installs_from_it_alone(index: Program, folder: Path, tmp_path: Path) -> None:
    await twine(index, chat().write(folder))
    target = tmp_path / "target"
    command = (
        BIN / "uv",
        "pip",
        "install",
        "--index-url",
        f"{index.url}/simple/",
        "--no-cache",
        "--no-config",
        "--target",
        target,
        "acme-chat",
    )
    status, said = await run(*command)
    assert status == 0, said
    assert (target / "acme_chat.py").is_file()


async def test_a_yanked_release_is_not_chosen_by_pip(index: Program, folder: Path, client: httpx.AsyncClient) -> None:
    await twine(index, chat("1.0").write(folder), chat("1.1").write(folder))
    await client.post("/api/projects/acme-chat/1.1/yank", json={"reason": "broken"})
    command = (
        sys.executable,
        "-m",
        "pip",
        "download",
        "--index-url",
        f"{index.url}/simple/",
        "--no-deps",
        "--dest",
        folder / "got",
        "acme-chat",
    )
    status, said = await run(*command, PIP_CONFIG_FILE="/dev/null", PIP_NO_CACHE_DIR="1")
    assert status == 0, said
    assert [file.name for file in (folder / "got").iterdir()] == [chat("1.0").filename]


async def test_the_command_line_lists_enables_and_makes_tokens(index: Program, folder: Path) -> None:
    await twine(index, chat().write(folder))
    reach = {"PLUGIN_INDEX_URL": index.url, "PLUGIN_INDEX_TOKEN": ADMIN}
    program = BIN / "plugin-index"
    assert "not enabled" in (await run(program, "list", **reach))[1]
    assert "enabled 1.0" in (await run(program, "enable", "chat", "--reason", "a test", **reach))[1]
    status, token = await run(program, "token", "create", "--name", "ci", "--action", "upload", "--project", "acme-*", **reach)
    assert status == 0
    assert (await twine(index, chat("1.1").write(folder), token=token.strip()))[0] == 0
    assert (await run(program, "enable", "nothing", **reach))[0] == 1
    assert "a test" in (await run(program, "audit", **reach))[1]
