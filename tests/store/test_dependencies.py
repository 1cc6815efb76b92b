"""What a plugin requires: resolved once, kept as a lock, shared with the host where it may be."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from packaging.pylock import Pylock

from plughost.errors import (
    CatalogError,
    DirectUrl,
    FetchFailed,
    OriginNotAllowed,
    ResolutionFailed,
    SharedConflict,
    SourceUnreachable,
)
from plughost.model.sharing import HostShare
from plughost.net import Client, Origin, Rules, own_origin
from plughost.store import Store
from plughost.store.resolve import Pinned, Question
from plughost.testing import BuiltWheel
from tests.store.conftest import OpenStore
from tests.store.indexes import DEADLINE, Index, Net
from tests.store.targets import in_folder, lib, plugin, projects, shared, site_of, target


@dataclass
class Scripted:
    """A resolver that answers what it is told to, and remembers what it was asked."""

    answers: Mapping[str, tuple[Pinned, ...]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    kind: str = "scripted"

    async def resolve(self, question: Question) -> tuple[Pinned, ...]:
        self.asked.append(question)
        return self.answers[question.project]


def pinned(index: Index, *wheels: BuiltWheel) -> tuple[Pinned, ...]:
    names = [built.filename.split("-") for built in wheels]
    return tuple(
        Pinned(
            project=name[0].replace("_", "-"),
            version=name[1],
            url=index.url_of(built.filename),
            filename=built.filename,
            sha256=built.sha256,
        )
        for name, built in zip(names, wheels, strict=True)
    )


def lock_of(home: Path, built: BuiltWheel) -> Path:
    (path,) = (home / "store/locks").glob(f"{built.sha256}-*.toml")
    return path


async def test_its_closure_is_fetched_and_written_down(net: Net, store: Store, tmp_path: Path) -> None:
    built = plugin(requires=("acme-lib>=1",))
    net.plugins.publish(built, lib("acme-lib", "1.0", "acme-two"))
    net.registry.publish(lib("acme-two", "2.0"))

    site = await site_of(store, target(net.plugins, built))

    assert projects(site) == {"acme-chat": "1.0", "acme-lib": "1.0", "acme-two": "2.0"}
    lock = Pylock.from_dict(tomllib.loads(lock_of(tmp_path / "home", built).read_text()))
    assert [str(package.name) for package in lock.packages] == ["acme-chat", "acme-lib", "acme-two"]
    assert [package.wheels[0].hashes["sha256"] for package in lock.packages if package.wheels] == [w.sha256 for w in site.wheels]
    assert lock.tool is not None
    assert lock.tool["plughost"]["resolver"] == "uv"


async def test_what_the_host_satisfies_is_resolved_by_nobody(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("fastapi>=0.100", "click", "acme-x; extra == 'x'"))
    net.plugins.publish(built)
    store = await open_store(resolver=Scripted(), share=shared(fastapi="0.165.0") | shared("offered", click="8.1"))
    assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0"}
    assert store.has(target(net.plugins, built))


async def test_a_strict_version_that_does_not_fit_is_a_conflict_at_once(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("fastapi>=99", "acme-lib"))
    net.plugins.publish(built)
    store = await open_store(resolver=Scripted(), share=shared(fastapi="0.165.0"))
    with pytest.raises(SharedConflict, match=r"fastapi 0\.165\.0 is shared by the host, but acme-chat requires fastapi>=99"):
        await site_of(store, target(net.plugins, built))


async def test_an_offered_one_that_fits_is_not_fetched(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin(requires=("acme-lib",))
    net.registry.publish(lib("acme-lib", "1.0", "click>=8"), lib("click", "8.3", "acme-deep"), lib("acme-deep"))
    net.plugins.publish(built)
    store = await open_store(share=shared("offered", click="8.1"))

    assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-lib": "1.0"}
    assert "click-8.3-py3-none-any.whl" not in net.registry.served
    told = tomllib.loads(lock_of(tmp_path / "home", built).read_text())["tool"]["plughost"]
    assert (told["host"], told["asks"]) == ({"click": "8.1"}, {"click": [">=8"]})


async def test_an_offered_one_that_does_not_fit_is_the_plugins_own_with_all_it_requires(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("acme-lib",))
    net.registry.publish(lib("acme-lib", "1.0", "click>=8.2"), lib("click", "8.3", "acme-deep"), lib("acme-deep"))
    net.plugins.publish(built)
    store = await open_store(share=shared("offered", click="8.1", acme_deep="1.0"))

    site = await site_of(store, target(net.plugins, built))

    assert projects(site) == {"acme-chat": "1.0", "acme-lib": "1.0", "click": "8.3"}


async def test_a_lock_needs_no_resolver_and_only_what_is_missing_is_fetched(net: Net, open_store: OpenStore) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib")
    net.plugins.publish(built)
    net.registry.publish(dependency, lib("acme-lib", "0.9"))
    first = await open_store()
    site = await site_of(first, target(net.plugins, built))
    site.wheels[1].path.with_suffix(".json").unlink()
    net.registry.publish(lib("acme-lib", "2.0"))

    again = await open_store(resolver=Scripted())

    assert await site_of(again, target(net.plugins, built)) == site
    assert net.plugins.served[built.filename] == 1
    assert net.registry.served[dependency.filename] == 2


@pytest.mark.parametrize(("version", "holds"), [("0.166.0", True), ("0.99", False), (None, False)])
async def test_a_lock_holds_while_the_hosts_versions_satisfy_it(
    net: Net, open_store: OpenStore, version: str | None, *, holds: bool
) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib", "1.0", "fastapi>=0.100")
    net.plugins.publish(built, dependency)
    await site_of(await open_store(share=shared(fastapi="0.165.0")), target(net.plugins, built))

    resolver = Scripted({"acme-chat": pinned(net.plugins, dependency)})
    share: HostShare = shared(fastapi=version) if version else {}
    later = await open_store(share=share, resolver=resolver)

    assert later.has(target(net.plugins, built)) is holds
    if holds:
        assert projects(await site_of(later, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-lib": "1.0"}
        return
    with pytest.raises((SharedConflict, ResolutionFailed), match="fastapi"):
        await site_of(later, target(net.plugins, built))
    assert len(resolver.asked) == 1


async def test_a_lock_with_a_private_copy_of_what_is_strict_now_does_not_hold(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("acme-lib", "acme-two"))
    net.plugins.publish(built, lib("acme-lib"), lib("acme-two"))
    await site_of(await open_store(), target(net.plugins, built))
    later = await open_store(share=shared(acme_lib="1.5"))
    assert projects(await site_of(later, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-two": "1.0"}


async def test_a_closure_from_which_something_was_left_out_is_refused_and_not_written_down(
    net: Net, open_store: OpenStore, tmp_path: Path
) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib", "1.0", "acme-two>=2")
    net.plugins.publish(built, dependency)
    store = await open_store(resolver=Scripted({"acme-chat": pinned(net.plugins, dependency)}))

    with pytest.raises(ResolutionFailed, match=r"acme-lib requires acme-two>=2, here is none"):
        await site_of(store, target(net.plugins, built))

    assert not list((tmp_path / "home/store/locks").iterdir())


async def test_the_question_names_what_is_shared_and_the_index_with_its_token(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built)
    net.plugins.password = "sesame"
    tokens = {Origin.of(net.origin): "sesame"}
    client = Client(Rules([own_origin(net.origin)]), tokens=tokens)
    resolver = Scripted({"acme-chat": ()})
    share = shared(fastapi="0.165.0") | shared("offered", click="8.1")
    store = await open_store(client=client, resolver=resolver, share=share, tokens=tokens)

    with pytest.raises(ResolutionFailed):
        await site_of(store, target(net.plugins, built))

    (question,) = resolver.asked
    assert question.index == net.plugins.url.replace("//", "//__token__:sesame@")
    assert [one.project for one in question.shared] == ["fastapi"]
    await client.close()


@pytest.mark.parametrize("kind", ["uv", "pip"])
async def test_a_private_index_leaves_no_credentials_in_the_lock(net: Net, open_store: OpenStore, tmp_path: Path, kind: str) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built, lib("acme-lib"))
    net.plugins.password = "sesame"
    tokens = {Origin.of(net.origin): "sesame"}
    client = Client(Rules([own_origin(net.origin)]), tokens=tokens)
    store = await open_store(client=client, resolver=kind, tokens=tokens)

    assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-lib": "1.0"}

    assert "sesame" not in lock_of(tmp_path / "home", built).read_text()
    await client.close()


@pytest.mark.parametrize("kind", ["uv", "pip"])
async def test_wheels_beside_the_plugin_in_its_folder_are_taken_first(net: Net, open_store: OpenStore, tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "wheels"
    lib("acme-lib", "1.0", "acme-two").write(folder)
    net.registry.publish(lib("acme-two"))
    wanted = in_folder(folder, plugin(requires=("acme-lib",)))
    store = await open_store(resolver=kind)
    assert projects(await site_of(store, wanted)) == {"acme-chat": "1.0", "acme-lib": "1.0", "acme-two": "1.0"}


async def test_the_resolvers_explanation_reaches_whoever_asked(net: Net, store: Store) -> None:
    built = plugin(requires=("acme-ab", "acme-lib>=2"))
    net.plugins.publish(built, lib("acme-ab", "1.0", "acme-lib<2"), lib("acme-lib", "1.0"), lib("acme-lib", "2.0"))
    with pytest.raises(ResolutionFailed, match=r"the dependencies of chat 1\.0 cannot be resolved.*acme-lib<2"):
        await site_of(store, target(net.plugins, built))


async def test_an_index_that_is_gone_is_not_a_plugin_that_cannot_be_resolved(net: Net, store: Store, tmp_path: Path) -> None:
    wanted = in_folder(tmp_path / "wheels", plugin(requires=("acme-lib",)))
    await net.vanish()
    with pytest.raises(SourceUnreachable):
        await site_of(store, wanted)


async def test_a_file_of_this_machine_that_an_index_names_is_not_taken(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib")
    net.plugins.publish(built)
    local = Pinned(
        project="acme-lib",
        version="1.0",
        url=dependency.write(tmp_path / "secret").as_uri(),
        filename=dependency.filename,
        sha256=dependency.sha256,
    )
    store = await open_store(resolver=Scripted({"acme-chat": (local,)}))
    with pytest.raises(OriginNotAllowed, match="no folder of wheels"):
        await site_of(store, target(net.plugins, built))

    configured = await open_store(resolver=Scripted({"acme-chat": (local,)}), environ={**net.environ, "PIP_FIND_LINKS": "wheels"})
    assert projects(await site_of(configured, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-lib": "1.0"}


@pytest.mark.parametrize("listed", [True, False])
async def test_an_address_that_is_not_public_is_asked_only_where_a_registry_named_it(
    net: Net, open_store: OpenStore, elsewhere: Net, *, listed: bool
) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib")
    net.plugins.publish(built, *([dependency] if listed else []))
    elsewhere.registry.publish(dependency)
    store = await open_store(resolver=Scripted({"acme-chat": pinned(elsewhere.registry, dependency)}))

    if listed:  # the plugin's index has the name, so it may have said so
        with pytest.raises(OriginNotAllowed):
            await site_of(store, target(net.plugins, built))
        assert not elsewhere.registry.served
    else:
        assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0", "acme-lib": "1.0"}


async def test_an_address_in_a_dependency_is_refused(net: Net, open_store: OpenStore) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib", "1.0", "evil @ https://plugins.example.com/evil.whl")
    net.plugins.publish(built, dependency)
    store = await open_store(resolver=Scripted({"acme-chat": pinned(net.plugins, dependency)}))
    with pytest.raises(DirectUrl, match="evil"):
        await site_of(store, target(net.plugins, built))


def many(net: Net) -> tuple[BuiltWheel, list[BuiltWheel]]:
    wheels = [lib(f"acme-{number}") for number in range(12)]
    built = plugin(requires=tuple(f"acme-{number}" for number in range(12)))
    net.plugins.publish(built, *wheels)
    return built, wheels


async def test_eight_are_fetched_at_a_time(net: Net, open_store: OpenStore) -> None:
    built, wheels = many(net)
    gates = [net.plugins.hold(one.filename) for one in wheels]
    store = await open_store(resolver=Scripted({"acme-chat": pinned(net.plugins, *wheels)}))
    lease = asyncio.create_task(site_of(store, target(net.plugins, built)))
    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(net.plugins.begun[one.filename].wait() for one in wheels[:8]))
    for gate in gates:
        gate.set()

    assert len((await lease).wheels) == 13
    assert net.plugins.busiest == 8


async def test_one_that_cannot_be_fetched_fails_it_and_the_others_stay_for_the_next_try(net: Net, open_store: OpenStore) -> None:
    built, wheels = many(net)
    missing = net.plugins.files.pop(wheels[-1].filename)
    store = await open_store(resolver=Scripted({"acme-chat": pinned(net.plugins, *wheels)}))
    with pytest.raises(FetchFailed, match="acme_11"):
        await site_of(store, target(net.plugins, built))

    net.plugins.files[wheels[-1].filename] = missing
    assert len((await site_of(store, target(net.plugins, built))).wheels) == 13
    assert all(net.plugins.served[one.filename] == 1 for one in wheels)


@pytest.mark.parametrize("kind", ["uv", "pip"])
async def test_the_registry_that_this_machine_is_configured_for(tmp_path: Path, kind: Literal["uv", "pip"]) -> None:
    """Needs whatever this machine's uv or pip reach; everything else here needs no network."""
    client = Client(Rules())
    store = Store(tmp_path / "home", client=client, resolver=kind, share={}, boot="b")
    await store.open()
    try:
        site = await site_of(store, in_folder(tmp_path / "wheels", plugin(requires=("mdurl",))))
        assert list(projects(site)) == ["acme-chat", "mdurl"]
    except CatalogError as error:
        pytest.skip(f"no registry can be reached: {error}")
    finally:
        await store.close()
        await client.close()


async def test_an_extra_of_an_offered_one_that_the_host_lacks_makes_it_the_plugins_own(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("click[colour]",))
    net.plugins.publish(built)
    net.registry.publish(lib("click", "8.3", "acme-colour; extra == 'colour'", metadata=["Provides-Extra: colour"]), lib("acme-colour"))
    store = await open_store(share=shared("offered", click="8.1"))
    assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0", "click": "8.3", "acme-colour": "1.0"}
