"""Thousands of bad requests, as fast as they can be sent: each is refused, and good ones are answered meanwhile."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from itertools import islice

import httpx

from tests.index.program import ADMIN, PATIENCE, Program, chat, upload

BAD, CONNECTIONS = 5000, 50
NO_FORM = b"--b\r\nContent-Disposition: form-data; name=x\r\n\r\ny\r\n--b--\r\n"


def request(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


KINDS = [
    request("GET /simple/nothing/"),
    request("GET /nothing"),
    request(f"GET /files/{'0' * 64}/x.whl"),
    request("GET /api/plugins?limit=x"),
    request("GET /api/audit", "Authorization: Bearer wrong"),
    request("POST /simple/"),
    request("POST /api/plugins/chat/enable", "Content-Type: application/json", body=b"{" * 1000),
    request("POST /legacy/", "Authorization: Bearer wrong", "Content-Type: multipart/form-data; boundary=b", body=NO_FORM),
    request("POST /legacy/", f"Authorization: Bearer {ADMIN}", "Content-Type: multipart/form-data; boundary=b", body=NO_FORM),
]


async def answered(reader: asyncio.StreamReader) -> int:
    """The status of the next answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    await reader.readexactly(int(length[1]) if length else 0)
    return int(head.split(b" ", 2)[1])


async def stormed(url: httpx.URL, requests: list[bytes]) -> Counter[int]:
    reader, writer = await asyncio.open_connection(url.host, url.port)
    said: Counter[int] = Counter()
    for each in requests:
        writer.write(each)
        said[await answered(reader)] += 1
    writer.close()
    await writer.wait_closed()
    return said


async def test_good_requests_are_answered_in_a_storm_of_bad_ones(index: Program, client: httpx.AsyncClient) -> None:
    await upload(client, chat("1.0"))
    requests = (KINDS * (BAD // len(KINDS) + 1))[:BAD]
    storms = [stormed(httpx.URL(index.url), list(islice(requests, start, None, CONNECTIONS))) for start in range(CONNECTIONS)]
    async with asyncio.timeout(PATIENCE):
        storm = asyncio.gather(*storms)
        good = 0
        while not storm.done():
            assert (await client.get("/simple/acme-chat/")).status_code == 200
            assert (await upload(client, chat(f"2.{good}"))).status_code == 200
            good += 1
        said = sum(await storm, Counter())
    assert good > 3
    assert said.total() == BAD
    assert {status // 100 for status in said} == {4}
    assert said[429] > said[403]
