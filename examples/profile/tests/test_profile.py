"""The application without plugins: the page is there, the slot is empty."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of the test's own, read when the application is imported."""
    monkeypatch.setenv("PLUGHOST_HOME", str(tmp_path))


async def test_the_profile_is_served_with_an_empty_slot() -> None:
    from profile_app import app

    async with app.running(), httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        page = await client.get("/users/ada")

    assert page.status_code == 200
    assert "<h1>ada</h1>" in page.text
    assert "<nav></nav>" in page.text
