"""`plugin-index` as a client of a running index."""

from __future__ import annotations

from tests.index.clients.child import Desk, Ended
from tests.index.clients.parcels import Parcel
from tests.index.clients.publishers import twine
from tests.index.clients.shop import publish, release
from tests.index.program import ADMIN, BIN, Program


async def test_it_lists_enables_and_makes_tokens_that_twine_uses(index: Program, desk: Desk) -> None:
    async def tool(*arguments: str) -> Ended:
        environ = {"PLUGIN_INDEX_URL": index.url, "PLUGIN_INDEX_TOKEN": ADMIN}
        return await desk.run(BIN / "plugin-index", *arguments, environ=environ)

    await publish(index, release("acme-tool"))
    assert "not enabled" in (await tool("list")).said
    assert "enabled 1.0" in (await tool("enable", "acme-tool", "--reason", "a test")).said
    made = await tool("token", "create", "--name", "ci", "--action", "upload", "--project", "acme-*")
    assert made.status == 0
    next_release = Parcel(project="acme-tool", version="1.1", plugin="acme-tool")
    assert (await twine(next_release, f"{index.url}/legacy/", made.said.strip(), desk.beside("twine"))).status == 0
    assert (await tool("enable", "nothing")).status == 1
    assert "a test" in (await tool("audit")).said
