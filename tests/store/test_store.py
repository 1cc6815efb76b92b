from __future__ import annotations

import asyncio
from pathlib import Path

from plughost.model.artifact import Site
from plughost.model.plugin import Target, WheelFile, parse_name
from plughost.store import Store
from plughost.testing import BuiltWheel, wheel
from tests.store.indexes import Net


def plugin(version: str = "1.0", *, requires: tuple[str, ...] = (), **files: str) -> BuiltWheel:
    return wheel("acme-chat", version, {"acme_chat.py": "plugin = 1\n", **files}, plugins={"chat": "acme_chat:plugin"}, requires=requires)


def target(net: Net, built: BuiltWheel, **more) -> Target:
    return Target(
        name=parse_name("chat"),
        version=built.filename.split("-")[1],
        wheel=WheelFile(url=net.plugins.url_of(built.filename), filename=built.filename, sha256=built.sha256),
        mount="chat",
        index=net.plugins.url,
        **more,
    )


async def leased(store: Store, wanted: Target) -> Site:
    async with store.lease(wanted, lambda *_: None) as site:
        return site


async def test_a_target_becomes_a_site(net: Net, store: Store) -> None:
    built = plugin(requires=("acme-lib",))
    lib = wheel("acme-lib", "1.0", {"acme_lib.py": ""})
    net.plugins.publish(built)
    net.registry.publish(lib)
    said = []
    async with store.lease(target(net, built), lambda *x: said.append(x)) as site:
        print(site, said)
        assert (site.own.path / "acme_chat.py").read_text() == "plugin = 1\n"
    async with store.lease(target(net, built), lambda *x: said.append(x)) as site:
        pass
    print(await store.prune())
