"""pypi-attestations reads the index's pages; it knows one host only, so the index stands in for that."""

from __future__ import annotations

import sys

import pytest

from tests.index.clients.authority import Authority
from tests.index.clients.child import Desk, Ended
from tests.index.clients.shop import publish, release
from tests.index.clients.standin import standing_in
from tests.index.program import Program

VERIFY = (sys.executable, "-m", "pypi_attestations", "verify", "pypi", "--repository", "https://example.com/acme")


async def verify(index: Program, desk: Desk, filename: str) -> Ended:
    authority = Authority(desk.folder / "authority")
    async with standing_in(index.url, authority) as proxy:
        trusting = Desk(folder=desk.folder, environ={**authority.trust, "HTTPS_PROXY": proxy, "https_proxy": proxy})
        return await trusting.run(*VERIFY, f"pypi:{filename}")


@pytest.mark.parametrize(("asked", "said"), [("1.0", "Unsupported/invalid URL"), ("2.0", "Could not find the artifact")])
async def test_its_page_reader_finds_the_files_that_are_there(index: Program, desk: Desk, asked: str, said: str) -> None:
    """It finds the file's URL on the page, and then refuses every URL that is not on its own host."""
    await publish(index, release("attested", "1.0"))
    ended = await verify(index, desk, release("attested", asked).filename)
    assert said in ended.said
    assert "Traceback" not in ended.said


async def test_its_page_reader_tells_that_a_project_is_not_there(index: Program, desk: Desk) -> None:
    ended = await verify(index, desk, release("never-attested").filename)
    assert "404" in ended.said
    assert "Traceback" not in ended.said
