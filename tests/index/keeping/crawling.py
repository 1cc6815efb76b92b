"""All that an index says, to compare two of them byte by byte."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx

HTML, JSON = "text/html", "application/vnd.pypi.simple.v1+json"
LISTS = ("/api/plugins/enabled", "/api/plugins", "/api/revoked", "/api/tokens", "/api/audit?limit=500")
Said = tuple[int, str, bytes]


async def everything(client: httpx.AsyncClient) -> dict[str, Said]:
    """Address and Accept → status, ETag and body."""
    return {address: said async for address, said in _told(client)}


async def _told(client: httpx.AsyncClient) -> AsyncIterator[tuple[str, Said]]:
    for address in ("/", "/simple/", *LISTS):
        for accept in (HTML, JSON):
            yield f"{address} {accept}", await _one(client, address, accept)
    for project in (await client.get("/simple/", headers={"Accept": JSON})).json()["projects"]:
        page = f"/simple/{project['name']}/"
        yield f"{page} {HTML}", await _one(client, page, HTML)
        yield f"{page} {JSON}", await _one(client, page, JSON)
        yield f"/projects/{project['name']}/", await _one(client, f"/projects/{project['name']}/", HTML)
        for file in (await client.get(page, headers={"Accept": JSON})).json()["files"]:
            address = str(client.base_url.join(page).join(file["url"]).path)
            yield address, await _one(client, address, "*/*")
            yield f"{address}.metadata", await _one(client, f"{address}.metadata", "*/*")


async def _one(client: httpx.AsyncClient, address: str, accept: str) -> Said:
    answer = await client.get(address, headers={"Accept": accept, "Host": "plugins.example.com"})
    return answer.status_code, answer.headers.get("etag", ""), answer.content
