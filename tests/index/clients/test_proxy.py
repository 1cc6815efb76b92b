"""Clients at an index that stands behind nginx, with TLS and below a path."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.index.clients.child import Desk
from tests.index.clients.nginx import NGINX, Proxied, behind_nginx
from tests.index.clients.parcels import Parcel
from tests.index.clients.publishers import PUBLISHERS
from tests.index.clients.readers import READERS
from tests.index.program import ADMIN, running

pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed")
PREFIX = "/pypi"
WAYS = {"root-path": (("--root-path", PREFIX), ""), "forwarded-prefix": ((), f"proxy_set_header X-Forwarded-Prefix {PREFIX};")}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=WAYS)
async def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxied]:
    folder, (options, more) = tmp_path_factory.mktemp("proxied"), WAYS[request.param]
    async with running(folder / "home", *options) as program, behind_nginx(program.url, folder / "nginx", prefix=PREFIX, more=more) as made:
        yield made


@pytest.fixture
def trusting(desk: Desk, proxied: Proxied) -> Desk:
    """A desk that trusts the proxy's certificate."""
    return Desk(folder=desk.folder, environ=proxied.authority.trust)


@pytest.mark.parametrize("name", PUBLISHERS)
async def test_clients_publish_and_are_told_why_not(proxied: Proxied, trusting: Desk, name: str) -> None:
    parcel, other = (Parcel(project=f"{name}-proxied", says=says) for says in ("", "# other"))
    published = await PUBLISHERS[name](parcel, f"{proxied.url}/legacy/", ADMIN, trusting.beside("first"))
    assert published.status == 0, published.said
    refused = await PUBLISHERS[name](other, f"{proxied.url}/legacy/", ADMIN, trusting.beside("second"))
    assert refused.status != 0
    assert "File already exists" in refused.said


@pytest.mark.parametrize("name", ["pip install", "uv pip install", "uv lock", "poetry add"])
async def test_clients_install(proxied: Proxied, trusting: Desk, name: str) -> None:
    parcel = Parcel(project=f"{name.replace('--', '').replace(' ', '-')}-wanted")
    await PUBLISHERS["uv"](parcel, f"{proxied.url}/legacy/", ADMIN, trusting.beside("publishing"))

    got = await READERS[name]([f"{proxied.url}/simple/"], parcel.project, trusting.beside("reading"))

    assert got.chosen == {parcel.project: "1.0"}, got.ended.said
    mine = [line for line in proxied.asked if parcel.module in line]
    assert any(line.endswith(".metadata 200") for line in mine)


@pytest.mark.parametrize("name", ["pip install --report", "uv lock"])
async def test_a_page_that_has_not_changed_is_not_sent_again(proxied: Proxied, trusting: Desk, name: str) -> None:
    parcel = Parcel(project=f"{name.replace('--', '').replace(' ', '-')}-again")
    await PUBLISHERS["uv"](parcel, f"{proxied.url}/legacy/", ADMIN, trusting.beside("publishing"))
    for _ in range(2):
        (trusting.folder / "uv.lock").unlink(missing_ok=True)
        assert (await READERS[name]([f"{proxied.url}/simple/"], parcel.project, trusting)).chosen == {parcel.project: "1.0"}
    assert [line for line in proxied.asked if f"/simple/{parcel.project}/" in line] == [
        f"GET {PREFIX}/simple/{parcel.project}/ 200",
        f"GET {PREFIX}/simple/{parcel.project}/ 304",
    ]


async def test_who_does_not_trust_the_certificate_gets_nothing(proxied: Proxied, desk: Desk) -> None:
    got = await READERS["uv pip install"]([f"{proxied.url}/simple/"], "anything", desk)
    assert got.ended.status != 0
    assert "certificate" in got.ended.said.lower()
