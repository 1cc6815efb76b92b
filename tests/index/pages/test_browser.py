"""The pages in Chromium: nothing runs, nothing is refused by the policy, nothing sticks out, by day and by night, wide and narrow."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright

from plughost.testing import wheel
from tests.index.pages.published import publish, shop
from tests.index.program import PLUGIN, Program

PATIENCE = 120_000.0
"""Milliseconds."""
CHROMIUM = shutil.which("chromium")
LONG = "aplugin" + "-whose-name-has-no-end" * 2
Scheme = Literal["light", "dark"]
PAGES = {
    "home": "/",
    "projects": "/projects/",
    "hostile": "/projects/acme-chat/",
    "plain": "/projects/acme-words/",
    "long": f"/projects/{LONG}/",
}
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    sandbox = [] if os.getuid() else ["--no-sandbox"]  # Chromium has none for root
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=CHROMIUM, args=sandbox, timeout=PATIENCE)
        yield started
        await started.close()


@pytest.fixture
async def filled(client: httpx.AsyncClient) -> None:
    name = LONG.replace("-", "_")
    long = wheel(LONG, "1.0.dev20260101+with.a.long.local.part", {f"{name}.py": PLUGIN}, plugins={LONG: f"{name}:plugin"})
    await shop(client)
    await publish(client, long)


async def opened(browser: Browser, url: str, *, width: int = 1280, scheme: Scheme = "light") -> tuple[Page, list[str]]:
    """The page, and what the browser complained of while it was opened."""
    page = await browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(request.url))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: None if request.url.startswith(url.partition("/projects")[0]) else complaints.append(request.url))
    await page.goto(url, wait_until="networkidle")
    return page, complaints


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
async def test_every_page_is_shown_as_it_is_meant(
    index: Program, filled: None, browser: Browser, tmp_path: Path, width: int, scheme: Scheme
) -> None:
    for name, path in PAGES.items():
        page, complaints = await opened(browser, index.url + path, width=width, scheme=scheme)
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert complaints == [], name
        assert await page.title() != "it-ran", name
        assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"), name
        assert await page.evaluate("document.styleSheets.length") == 1, name
        await page.close()
        assert (tmp_path / f"{name}.png").stat().st_size > 5000


async def test_nothing_sticks_out_when_all_releases_are_unfolded(index: Program, filled: None, browser: Browser) -> None:
    page, complaints = await opened(browser, f"{index.url}/projects/acme-chat/", width=360)
    folded = page.locator("details.release:not([open]) summary")
    assert await folded.count() == 2
    while await folded.count():
        await folded.first.click()
    assert await page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert complaints == []


async def test_the_first_stop_of_the_keyboard_leads_to_the_content(index: Program, filled: None, browser: Browser) -> None:
    page, _ = await opened(browser, index.url + "/")
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert await page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    await page.keyboard.press("Enter")
    assert page.url.endswith("#content")


async def test_a_script_would_be_refused_if_one_got_in(index: Program, filled: None, browser: Browser) -> None:
    page, complaints = await opened(browser, f"{index.url}/projects/acme-chat/")
    await page.evaluate(
        """() => {
            const image = document.createElement("img");
            image.setAttribute("onerror", "document.title = 'it-ran'");
            image.src = "missing.png";
            document.body.append(image);
            const script = document.createElement("script");
            script.textContent = "document.title = 'it-ran'";
            document.body.append(script);
            return new Promise(done => { image.onerror === null ? setTimeout(done, 0) : image.addEventListener("error", done); });
        }"""
    )
    assert await page.title() != "it-ran"
    assert any("Content Security Policy" in complaint for complaint in complaints)
