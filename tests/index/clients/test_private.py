"""Clients at an index that only those who have a token may read."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.index.clients.child import Desk
from tests.index.clients.parcels import Parcel
from tests.index.clients.publishers import PUBLISHERS
from tests.index.clients.readers import READERS
from tests.index.clients.shop import named, publish, release
from tests.index.program import ADMIN, Program, running

reading = pytest.mark.parametrize("name", ["pip install", "uv pip install", "uv lock", "poetry add"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def private(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Program]:
    async with running(tmp_path_factory.mktemp("private") / "home", "--private") as program:
        yield program


async def token_for(program: Program, action: str) -> str:
    async with httpx.AsyncClient(base_url=program.url, headers={"Authorization": f"Bearer {ADMIN}"}) as client:
        made = await client.post("/api/tokens", json={"name": "somebody", "actions": [action], "projects": ["*"]})
        return str(made.raise_for_status().json()["token"])


def signed_in(program: Program, token: str) -> str:
    """The index's URL with a token in it."""
    return program.url.replace("://", f"://__token__:{token}@")


@reading
async def test_who_may_read_installs(private: Program, desk: Desk, name: str) -> None:
    app, lib = named(name, "app"), named(name, "lib")
    await publish(private, release(app, requires=[lib]), release(lib))
    token = await token_for(private, "read")
    poetry = {"POETRY_HTTP_BASIC_FIRST_USERNAME": "__token__", "POETRY_HTTP_BASIC_FIRST_PASSWORD": token}
    url = private.url if name.startswith("poetry") else signed_in(private, token)

    got = await READERS[name]([f"{url}/simple/"], app, Desk(folder=desk.folder, environ=poetry))

    assert got.chosen == {app: "1.0", lib: "1.0"}, got.ended.said


@reading
async def test_who_has_no_token_gets_nothing(private: Program, desk: Desk, name: str) -> None:
    project = named(name, "hidden")
    await publish(private, release(project))

    got = await READERS[name]([f"{private.url}/simple/"], project, desk)

    assert got.ended.status != 0
    assert got.chosen == {}


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_who_may_only_upload_publishes(private: Program, desk: Desk, name: str) -> None:
    parcel, token = Parcel(project=f"{name}-kept"), await token_for(private, "upload")
    for again in ("first", "second"):
        ended = await PUBLISHERS[name](parcel, f"{private.url}/legacy/", token, desk.beside(again))
        assert ended.status == 0, ended.said
