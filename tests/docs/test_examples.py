"""The examples are installable projects whose own tests pass, and a host serves them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from plughost import Settings
from plughost.testing import running_host

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(*command: str | Path, cwd: Path, **environment: str) -> None:
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def built(name: str, into: Path) -> Path:
    """The example as a wheel, built from a copy."""
    source = into / name
    shutil.copytree(EXAMPLES / name, source)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", into / "dist", source, cwd=into)
    return next((into / "dist").glob(f"acme_{name}-*.whl"))


@pytest.mark.parametrize("name", ["chat", "notes", "profile"])
def test_the_example_s_own_tests_pass(name: str) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "tests")
    run(*command, cwd=EXAMPLES / name, PYTHONPATH=str(EXAMPLES / name / "src"))


async def test_chat_has_a_page_a_room_an_icon_and_files_out_of_its_wheel(tmp_path: Path) -> None:
    built("chat", tmp_path)
    source = {"url": str(tmp_path / "dist"), "kind": "folder"}
    async with running_host(Settings.model_validate({"home": tmp_path / "home", "sources": [source]})) as host:
        await host.until_serving("chat")
        page = await host.get("/chat/?room=lobby")
        assert "<h1>lobby" in page.text
        assert (await host.get("/chat/static/chat.js")).headers["content-type"].startswith("text/javascript")
        icon = await host.get("/slots/profile-icons?user=<ada>", Accept="text/html")
        assert "&lt;ada&gt;" in icon.text
        where = host.url.replace("http", "ws") + "/chat/rooms/lobby"
        async with connect(where) as ada, connect(where) as bob:
            await ada.send("hello")
            assert await bob.recv() == "hello"
            assert (await host.get("/chat/rooms")).json() == {"lobby": 2}


async def test_the_profile_application_shows_the_icon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built("chat", tmp_path)
    (tmp_path / "plughost.toml").write_text(f'[[sources]]\nurl = "{tmp_path / "dist"}"\nkind = "folder"\n')
    monkeypatch.setenv("PLUGHOST_HOME", str(tmp_path))
    monkeypatch.syspath_prepend(str(EXAMPLES / "profile" / "src"))
    from profile_app import app  # type: ignore[import-not-found]

    transport = httpx.ASGITransport(app)
    async with app.running(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await app.settled()
        page = await client.get("/users/ada")
    assert 'href="/chat/?room=ada"' in page.text
