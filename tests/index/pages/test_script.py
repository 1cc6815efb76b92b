"""The CI file of the page, run as it stands there: build, publish, enable, wait until a host serves."""

from __future__ import annotations

import html
import re
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.index.program import ADMIN, BIN, PLUGIN, Program, run
from tests.story.process import PROGRAM, TOKEN, Child
from tests.story.process import running as child

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the script needs curl")
PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-hello"
version = "{version}"

[project.entry-points."plughost.plugins"]
hello = "acme_hello:plugin"
"""


@pytest.fixture
async def host(index: Program, tmp_path: Path) -> AsyncIterator[Child]:
    home = tmp_path / "host"
    home.mkdir()
    command: list[str | Path] = [PROGRAM, "serve", "--home", home, "--index", index.url, "--port", "0"]
    async with child(command, home / "log.txt") as running:
        yield running


@pytest.fixture
async def job(index: Program, client: httpx.AsyncClient, tmp_path: Path) -> Path:
    """The folder of a project with the script in it, which was copied off the page."""
    folder = tmp_path / "project"
    (folder / "acme_hello").mkdir(parents=True)
    (folder / "acme_hello" / "__init__.py").write_text(PLUGIN)
    (folder / "pyproject.toml").write_text(PYPROJECT.format(version="1.0"))
    page = (await client.get("/")).text
    copied = re.search(r'<pre id="publish.sh"[^>]*><code>(.*?)</code></pre>', page, re.DOTALL)
    assert copied is not None
    (folder / "publish.sh").write_text(html.unescape(copied[1]))
    return folder


async def runs(job: Path, host: Child, **more: str) -> tuple[int, str]:
    environment = {
        "PLUGIN": "hello",
        "PLUGIN_INDEX_TOKEN": ADMIN,
        "PLUGHOST_URL": host.url,
        "PLUGHOST_TOKEN": TOKEN,
        # Of the test alone: no registry is asked for the build back-end, it is here.
        "UV_NO_BUILD_ISOLATION": "1",
        "UV_PYTHON": sys.executable,
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
    }
    return await run("sh", "-c", f"cd '{job}' && exec sh publish.sh", **(environment | more))


async def test_the_script_of_the_page_publishes_and_waits_until_a_host_serves(job: Path, host: Child) -> None:
    status, said = await runs(job, host)
    assert status == 0, said
    assert f"{host.url} serves hello 1.0" in said
    serving = (await host.ask("GET", "/api/plugins/hello")).json()["serving"]
    assert serving["version"] == "1.0"


async def test_a_job_may_be_repeated_and_the_next_version_follows(job: Path, host: Child) -> None:
    for version in ("1.0", "1.0", "2.0"):
        (job / "pyproject.toml").write_text(PYPROJECT.format(version=version))
        status, said = await runs(job, host)
        assert status == 0, said
        assert f"serves hello {version}" in said


async def test_a_job_whose_token_is_bad_fails_and_says_why(job: Path, host: Child) -> None:
    status, said = await runs(job, host, PLUGIN_INDEX_TOKEN="wrong")
    assert status != 0
    assert "unknown or has expired" in said


async def test_a_job_for_a_plugin_that_is_not_in_the_wheel_fails_and_says_why(job: Path, host: Child) -> None:
    status, said = await runs(job, host, PLUGIN="another")
    assert status != 0
    assert "another" in said


async def test_a_job_without_a_token_fails_before_it_builds(job: Path, host: Child) -> None:
    status, said = await runs(job, host, PLUGIN_INDEX_TOKEN="")
    assert status != 0
    assert "a token of the index" in said
    assert not (job / "dist").exists()


async def test_a_plugin_that_does_not_start_fails_the_job_with_the_hosts_words(job: Path, host: Child) -> None:
    (job / "acme_hello" / "__init__.py").write_text("raise RuntimeError('it is broken')\n")
    assert (await runs(job, host, WAIT="0"))[0] == 1
    await host.status("hello", "failed")
    status, said = await runs(job, host, WAIT="0")
    assert status == 1
    assert "does not serve hello 1.0" in said
    assert "it is broken" in said


async def test_the_file_to_download_is_the_one_on_the_page(job: Path, client: httpx.AsyncClient) -> None:
    answer = await client.get("/publish.sh")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.rstrip() == (job / "publish.sh").read_text().rstrip()


async def test_an_address_that_a_client_made_up_stays_a_word_of_the_script(client: httpx.AsyncClient, tmp_path: Path) -> None:
    made_up = "x$(touch${IFS}owned);'`touch${IFS}owned`'"
    answer = await client.get("/publish.sh", headers={"Host": made_up})
    if answer.is_success:
        (tmp_path / "publish.sh").write_text(answer.text)
        await run("sh", "-c", f"cd '{tmp_path}' && sh publish.sh")
        assert not (tmp_path / "owned").exists()
    page = await client.get("/", headers={"Host": 'x"><b onclick=y>'})
    assert "<b onclick" not in page.text
