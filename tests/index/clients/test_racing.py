"""Clients that publish at the same time."""

from __future__ import annotations

import asyncio
import hashlib

import httpx
import pytest

from tests.index.clients.child import Desk, Ended
from tests.index.clients.parcels import Parcel
from tests.index.clients.publishers import twine, uv
from tests.index.program import ADMIN, Program

PAIRS = {"uv": (uv, uv), "twine and uv": (twine, uv)}


async def together(index: Program, desk: Desk, pair: str, *parcels: Parcel) -> list[Ended]:
    """Each parcel by a client of its own, all at once."""
    clients = [PAIRS[pair][number % 2] for number in range(len(parcels))]
    return await asyncio.gather(
        *(
            client(parcel, f"{index.url}/legacy/", ADMIN, desk.beside(str(number)))
            for number, (client, parcel) in enumerate(zip(clients, parcels, strict=True))
        )
    )


async def kept(client: httpx.AsyncClient, project: str) -> dict[str, str]:
    """Version → sha256 of what is served."""
    page = await client.get(f"/simple/{project}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    urls = {file["filename"].split("-")[1]: f"/files/{file['hashes']['sha256']}/{file['filename']}" for file in page.json()["files"]}
    return {version: hashlib.sha256((await client.get(url)).content).hexdigest() for version, url in urls.items()}


async def test_ten_clients_at_once_are_all_served(index: Program, desk: Desk, client: httpx.AsyncClient) -> None:
    parcels = [Parcel(project="crowded", version=f"1.{number}", plugin="crowded") for number in range(10)]
    assert [ended.status for ended in await together(index, desk, "twine and uv", *parcels)] == [0] * 10
    assert await kept(client, "crowded") == {parcel.version: parcel.built.sha256 for parcel in parcels}


@pytest.mark.parametrize("pair", PAIRS)
async def test_two_with_the_same_bytes_both_succeed(index: Program, desk: Desk, client: httpx.AsyncClient, pair: str) -> None:
    parcel = Parcel(project=f"same-{pair.replace(' ', '-')}")
    assert [ended.status for ended in await together(index, desk, pair, parcel, parcel)] == [0, 0]
    assert await kept(client, parcel.project) == {"1.0": parcel.built.sha256}


@pytest.mark.parametrize("pair", PAIRS)
async def test_of_two_with_other_bytes_one_wins(index: Program, desk: Desk, client: httpx.AsyncClient, pair: str) -> None:
    rivals = [Parcel(project=f"rival-{pair.replace(' ', '-')}", says=f"# {number}") for number in range(2)]
    one, other = await together(index, desk, pair, *rivals)
    assert sorted(bool(ended.status) for ended in (one, other)) == [False, True]
    winner, loser = (rivals[0], other) if one.status == 0 else (rivals[1], one)
    assert "File already exists" in loser.said
    assert await kept(client, winner.project) == {"1.0": winner.built.sha256}
