"""Every parameter of every path, with whatever a client may say: an answer below 500, and no line break in any header."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_from_bytes

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugin_index.app import PluginIndex
from tests.index.inside import asked, inside
from tests.index.program import chat

ADDRESSES = itertools.count()
"""Refusals of one address come late when they are many."""


class Loop:
    """One index and its clients for many examples: hypothesis knows no coroutines."""

    def __init__(self, home: Path) -> None:
        self._runner = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()
        self.app = self._runner.run(self._stack.enter_async_context(inside(home)))
        self.run(self._fill())

    async def _fill(self) -> None:
        async with asked(self.app) as client:
            for version in ("1.0", "1.1"):
                built = chat(version)
                await client.post("/legacy/", files={"content": (built.filename, built.data)})
            self.operations = _operations((await client.get("/openapi.json")).json())

    def run(self, job: Any) -> Any:
        return self._runner.run(job)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    made = Loop(tmp_path_factory.mktemp("home"))
    yield made
    made.close()


Operation = tuple[str, str, list[tuple[str, str]]]
"""(method, path, its parameters as (where, name))."""


def _operations(document: dict[str, Any]) -> list[Operation]:
    found = []
    for path, verbs in document["paths"].items():
        for method, said in verbs.items():
            if not path.endswith("/events"):  # it does not end
                found.append((method.upper(), path, [(each["in"], each["name"]) for each in said.get("parameters", [])]))
    return found


SAID = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"chat", b"acme-chat", b"1.0", b"..", b"%", b"\r\nX-Evil: 1", b"\x00", b"-1", b"0", b"1e3", b"9" * 5000, b"*", b"1.0+x", b"1!1.0"]
    ),
)
MEDIA = [b"application/vnd.pypi.simple.v1+json", b"text/html", b"\xff", b"*/*;q=x", b"a/b;q=0.5;;;,", b",,,"]
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        b"Accept": st.sampled_from(MEDIA) | st.binary(max_size=20).map(lambda raw: raw.replace(b"\r", b"").replace(b"\n", b"")),
        b"Accept-Encoding": st.sampled_from([b"gzip", b"gzip;q=0", b"*", b"\xff;q=1e999", b"gzip;q=nan"]),
        b"If-None-Match": st.sampled_from([b"*", b'W/"x"', b",", b"\xff", b'"' + b"x" * 5000 + b'"']),
        b"Range": st.sampled_from(
            [b"bytes=0-1", b"bytes=-1", b"bytes=5-1", b"bytes=x", b"bytes=0-0,2-3", b"lines=1", b"bytes=" + b"9" * 5000 + b"-"]
        ),
        b"If-Range": st.sampled_from([b'"x"', b"yesterday", b"\xff"]),
        b"X-Forwarded-Prefix": st.sampled_from([b"/a", b"a", b"/\r", b"//evil.example", b"/a/../b", b"\xff", b"/" + b"a" * 5000]),
    },
)


async def answered(app: PluginIndex, method: str, url: str, headers: dict[bytes, bytes], body: bytes | None) -> httpx.Response:
    async with asked(app, address=str(next(ADDRESSES))) as client:
        request = client.build_request(method, "/", content=body, headers=[*client.headers.raw, *headers.items()])
        request.url = httpx.URL("http://index.example").copy_with(raw_path=url.encode("ascii"))
        if body is not None:
            request.headers["Content-Type"] = "application/json"
        return await client.send(request)


def checked(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    for name, value in answer.headers.raw:
        assert not set(name + value) & {10, 13, 0}
    assert "x-evil" not in answer.headers


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_parameter_of_the_api_breaks_it(loop: Loop, data: st.DataObject) -> None:
    method, path, parameters = data.draw(st.sampled_from(loop.operations))
    query = []
    for where, name in parameters:
        said = quote_from_bytes(data.draw(SAID), safe="")
        if where == "path":
            path = path.replace(f"{{{name}}}", said or "x")
        elif where == "query" and data.draw(st.booleans()):
            query.append(f"{name}={said}")
    body = data.draw(st.none() | st.binary(max_size=60)) if method == "POST" else None
    checked(loop.run(answered(loop.app, method, f"{path}?{'&'.join(query)}", data.draw(HEADERS), body)))


PATHS = ["/simple/{}/", "/simple/{}", "/simple/?format={}", "/files/{}/{}", "/files/{}/{}.metadata", "/projects/{}/", "/projects/?after={}"]
PATHS += ["/?after={}", "/legacy/+simple/{}/", "/{}", "/simple/acme-chat/?{}", "/publish.sh?{}", f"/files/{chat().sha256}/{{}}"]
PATHS += [f"/files/{chat().sha256}/{chat().filename}", "/simple/acme-chat/", "/api/plugins/enabled?{}", "/api/revoked?{}"]


@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(PATHS),
    said=st.lists(SAID, min_size=2, max_size=2),
    headers=HEADERS,
    method=st.sampled_from(["GET", "HEAD", "OPTIONS", "PUT"]),
)
def test_no_path_and_no_header_breaks_a_page(loop: Loop, path: str, said: list[bytes], headers: dict[bytes, bytes], method: str) -> None:
    url = path.format(*(quote_from_bytes(each, safe="") for each in said))
    checked(loop.run(answered(loop.app, method, url, headers, None)))
