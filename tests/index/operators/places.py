"""Where a release is seen, and what each place says of it."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from plughost.testing import BuiltWheel

JSON = {"Accept": "application/vnd.pypi.simple.v1+json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One wheel, in every place; statuses are HTTP's."""

    page: str
    """As its project's simple page has it: offered, yanked, or missing."""
    file: int
    metadata: int
    again: int
    """The same bytes uploaded once more."""
    other: int
    """Other bytes under the same name."""
    marks: frozenset[str]
    """What the API shows to have become of it."""


MARKS = ("yanked", "quarantined", "removed", "revoked")


async def marks(client: httpx.AsyncClient, built: BuiltWheel) -> frozenset[str]:
    shown = (await client.get("/api/plugins/chat")).json()
    (file,) = [file for release in shown["releases"] for file in release["files"] if file["filename"] == built.filename]
    return frozenset(mark for mark in MARKS if file[mark] is not None)


async def on_page(client: httpx.AsyncClient, built: BuiltWheel) -> str:
    page, text = await client.get("/simple/acme-chat/", headers=JSON), await client.get("/simple/acme-chat/")
    found = [file for file in page.json()["files"] if file["filename"] == built.filename]
    assert text.text.count(f">{built.filename}<") == len(found)
    if not found:
        return "missing"
    assert ("data-yanked" in text.text) == any(file["yanked"] is not False for file in page.json()["files"])
    return "offered" if found[0]["yanked"] is False else "yanked"


async def project_status(client: httpx.AsyncClient) -> str:
    page, text = await client.get("/simple/acme-chat/", headers=JSON), await client.get("/simple/acme-chat/")
    status = str(page.json()["project-status"]["status"])
    assert f'<meta name="pypi:project-status" content="{status}">' in text.text
    return status


async def listed(client: httpx.AsyncClient) -> list[str]:
    """The versions on the plugin list; all that it names can be fetched."""
    answer = await client.get("/api/plugins/enabled")
    for entry in answer.json():
        for address in [entry["remoteEntryUrl"], *(wheel["url"] for wheel in entry.get("wheels", []))]:
            assert (await client.head(answer.url.join(address))).status_code == 200
    return [entry["version"] for entry in answer.json()]
