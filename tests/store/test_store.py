"""From a target to a site: fetched, verified, unpacked once, kept while in use."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from plughost.errors import (
    ArchiveRefused,
    DigestMismatch,
    FetchFailed,
    IntegrityMissing,
    NotAWheel,
    OriginNotAllowed,
    PlughostError,
    ReleaseChanged,
    WheelMisfit,
    WheelMisnamed,
    WheelTooLarge,
)
from plughost.model.plugin import WheelFile
from plughost.net import Client, OriginRule, Rules
from plughost.store import Store
from plughost.testing import BuiltWheel
from tests.store.conftest import OpenStore
from tests.store.indexes import DEADLINE, Net
from tests.store.targets import Said, in_folder, left_behind, lib, plugin, projects, shared, site_of, target


async def test_a_target_becomes_a_directory_of_verified_files(net: Net, store: Store) -> None:
    built = plugin(files={"acme_data/page.html": "<p>", "acme_data/__init__.py": ""})
    net.plugins.publish(built)

    async with store.lease(target(net.plugins, built), lambda *_: None) as site:
        assert (site.own.project, site.own.version, site.own.sha256) == ("acme-chat", "1.0", built.sha256)
        assert site.own.path.name == built.sha256
        assert (site.own.path / "acme_data/page.html").read_text() == "<p>"
        assert set(site.own.tops) == {"acme_chat", "acme_data"}
        assert site.own.entry_points["plughost.plugins"] == {"chat": "acme_chat:plugin"}
        assert not site.own.native


async def test_its_phases_are_reported_with_bytes(net: Net, store: Store) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built)
    net.registry.publish(lib("acme-lib"))
    said: Said = []

    await site_of(store, target(net.plugins, built), lambda *heard: said.append(heard))

    assert list(dict.fromkeys(phase for phase, *_ in said)) == ["fetch", "verify", "resolve", "install"]
    assert ("fetch", len(built.data), len(built.data)) in said
    assert said[-1] == ("install", len(net.registry.files["acme_lib-1.0-py3-none-any.whl"]), None)


async def test_what_is_not_unpacked_is_told(net: Net, store: Store) -> None:
    built = plugin(files={"evil.pth": "import os", "sitecustomize.py": ""})
    net.plugins.publish(built)

    site = await site_of(store, target(net.plugins, built))

    assert set(site.left_out) == {"evil.pth", "sitecustomize.py"}
    assert not (site.own.path / "evil.pth").exists()


async def test_what_is_on_disk_is_asked_of_nobody_again(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built)
    net.registry.publish(lib("acme-lib"))
    first = await open_store()
    wanted = target(net.plugins, built)
    assert not first.has(wanted)
    before = await site_of(first, wanted)
    await net.vanish()

    again, said = await open_store(resolver=Unasked()), list[object]()

    assert again.has(wanted)
    assert await site_of(again, wanted, lambda *heard: said.append(heard)) == before
    assert said == []


async def test_a_wheel_from_a_folder_needs_no_network(store: Store, tmp_path: Path) -> None:
    wanted = in_folder(tmp_path / "wheels", plugin())
    assert projects(await site_of(store, wanted)) == {"acme-chat": "1.0"}


async def test_a_folder_may_change_the_bytes_of_a_version(store: Store, tmp_path: Path) -> None:
    first = in_folder(tmp_path / "wheels", plugin())
    await site_of(store, first)
    second = in_folder(tmp_path / "wheels", plugin(files={"more.py": ""}))
    assert (await site_of(store, second)).own.sha256 != first.wheel.sha256


async def test_a_file_whose_hash_nobody_told_is_measured(store: Store, tmp_path: Path) -> None:
    built = plugin()
    wanted = in_folder(tmp_path / "wheels", built, sha256=None)
    assert (await site_of(store, wanted)).own.sha256 == built.sha256
    assert not store.has(wanted), "it may have changed meanwhile"


async def test_a_hash_in_the_address_counts(net: Net, store: Store) -> None:
    built = plugin()
    net.plugins.publish(built)
    wanted = target(net.plugins, built, sha256=None)
    addressed = WheelFile(url=f"{wanted.wheel.url}#sha256={built.sha256}", filename=built.filename)
    assert (await site_of(store, replace(wanted, wheel=addressed))).own.sha256 == built.sha256


@pytest.mark.parametrize("told", ["../../../escape", "0" * 63, "G" * 64])
async def test_what_is_no_hash_makes_no_path(net: Net, store: Store, told: str) -> None:
    built = plugin()
    net.plugins.publish(built)
    wanted = target(net.plugins, built, sha256=told)
    addressed = WheelFile(url=f"{wanted.wheel.url}#sha256={told}", filename=built.filename)
    for wheel in (wanted.wheel, addressed):
        with pytest.raises(IntegrityMissing):
            await site_of(store, replace(wanted, wheel=wheel))


async def test_other_bytes_than_promised_leave_nothing(net: Net, store: Store, tmp_path: Path) -> None:
    built = plugin()
    net.plugins.files[built.filename] = plugin(files={"evil.py": ""}).data

    with pytest.raises(DigestMismatch, match=built.sha256):
        await site_of(store, target(net.plugins, built))

    assert left_behind(tmp_path / "home") == []
    assert net.plugins.served[built.filename] == 1, "a hash that differs is not tried again"


async def test_a_dependency_with_other_bytes_leaves_no_lock(net: Net, store: Store, tmp_path: Path) -> None:
    built = plugin(requires=("acme-lib",))
    other = lib("acme-lib")
    net.plugins.publish(built, other)
    net.plugins.listed_sha256[other.filename] = "0" * 64

    with pytest.raises(DigestMismatch):
        await site_of(store, target(net.plugins, built))

    assert not [path for path in left_behind(tmp_path / "home") if path.startswith(("locks/", "staging/", "turns/"))]


REFUSED = {
    "what is no archive": (BuiltWheel("acme_chat-1.0-py3-none-any.whl", b"nothing"), NotAWheel),
    "a module of the standard library": (plugin(files={"json.py": ""}), ArchiveRefused),
    "a module of what the host shares": (plugin(files={"fastapi/__init__.py": ""}), ArchiveRefused),
    "an address as requirement": (plugin(requires=("evil @ https://plugins.example.com/evil.whl",)), PlughostError),
}


@pytest.mark.parametrize("what", REFUSED)
async def test_the_guard_refuses_and_nothing_stays(net: Net, open_store: OpenStore, tmp_path: Path, what: str) -> None:
    built, error = REFUSED[what]
    net.plugins.publish(built)
    store = await open_store(share=shared(fastapi="0.165.0"))

    with pytest.raises(error):
        await site_of(store, target(net.plugins, built))

    assert left_behind(tmp_path / "home") == []


async def test_a_wheel_without_a_promise_is_refused_unless_the_rule_allows_it(net: Net, open_store: OpenStore) -> None:
    built = plugin()
    net.plugins.publish(built)
    wanted = target(net.plugins, built, sha256=None)
    with pytest.raises(IntegrityMissing):
        await site_of(await open_store(), wanted)
    assert not net.plugins.served

    lax = Client(Rules([OriginRule(url=net.origin, require=(), private=True)]))
    assert (await site_of(await open_store(client=lax), wanted)).own.sha256 == built.sha256
    await lax.close()


async def test_an_origin_that_no_rule_names_is_not_asked(net: Net, open_store: OpenStore) -> None:
    built = plugin()
    net.plugins.publish(built)
    strict = Client(Rules([OriginRule(url=net.origin, names=("other-*",), private=True)]))
    with pytest.raises(OriginNotAllowed, match="chat"):
        await site_of(await open_store(client=strict), target(net.plugins, built))
    assert not net.plugins.served

    await site_of(await open_store(), target(net.plugins, built))
    with pytest.raises(OriginNotAllowed):  # also where its bytes are here already
        await site_of(await open_store(client=strict), target(net.plugins, built))
    await strict.close()


async def test_a_file_is_installed_from_a_folder_source_only(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OriginNotAllowed, match="folder"):
        await site_of(store, in_folder(tmp_path / "wheels", plugin(), index=None, mutable=False))


async def test_names_are_held_against_the_target_before_anything_is_fetched(net: Net, store: Store) -> None:
    built, misfit = plugin(), plugin(tag="cp27-none-any")
    net.plugins.publish(built, misfit)
    with pytest.raises(WheelMisnamed, match="is listed as 2"):
        await site_of(store, target(net.plugins, built, version="2.0"))
    with pytest.raises(WheelMisnamed, match="acme-other"):
        await site_of(store, target(net.plugins, built, project="acme-other"))
    with pytest.raises(WheelMisfit):
        await site_of(store, target(net.plugins, misfit))
    assert not net.plugins.served


async def test_a_file_larger_than_the_cap_is_refused(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin()
    net.plugins.publish(built)
    with pytest.raises(WheelTooLarge):
        await site_of(await open_store(max_size=100), target(net.plugins, built))
    assert left_behind(tmp_path / "home") == []


async def test_a_download_that_does_not_arrive_in_time_is_given_up(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin()
    net.plugins.publish(built)
    net.plugins.hold(built.filename)
    with pytest.raises(FetchFailed, match=r"0\.5 s"):
        await site_of(await open_store(fetch_deadline=0.5), target(net.plugins, built))
    assert left_behind(tmp_path / "home") == []


async def test_a_hundred_leases_are_one_download_and_one_directory(net: Net, store: Store, tmp_path: Path) -> None:
    built, dependency = plugin(requires=("acme-lib",)), lib("acme-lib")
    net.plugins.publish(built)
    net.registry.publish(dependency)
    wanted, said = target(net.plugins, built), [Said() for _ in range(100)]

    sites = await asyncio.gather(*(site_of(store, wanted, lambda *heard, of=one: of.append(heard)) for one in said))

    assert len(set(map(id, sites))) == 1
    assert (net.plugins.served[built.filename], net.registry.served[dependency.filename]) == (1, 1)
    assert len(list((tmp_path / "home/store/wheels").iterdir())) == 4, "two wheels, each a directory and its facts"
    assert all(heard == said[0] for heard in said)


async def test_what_two_plugins_require_is_fetched_once(net: Net, store: Store) -> None:
    one, two, common = plugin("one", requires=("acme-lib",)), plugin("two", requires=("acme-lib>=1",)), lib("acme-lib")
    net.plugins.publish(one, two)
    net.registry.publish(common)

    first, second = await asyncio.gather(*(site_of(store, target(net.plugins, built)) for built in (one, two)))

    assert first.wheels[1] == second.wheels[1]
    assert net.registry.served[common.filename] == 1


async def test_ten_slow_ones_run_side_by_side(net: Net, store: Store) -> None:
    built = [plugin(f"slow{number}") for number in range(10)]
    net.plugins.publish(*built)
    gates = [net.plugins.hold(one.filename) for one in built]
    leases = [asyncio.create_task(site_of(store, target(net.plugins, one))) for one in built]

    async with asyncio.timeout(DEADLINE):
        await asyncio.gather(*(net.plugins.begun[one.filename].wait() for one in built))
    for gate in gates:
        gate.set()

    assert [site.own.sha256 for site in await asyncio.gather(*leases)] == [one.sha256 for one in built]


async def test_a_failure_is_not_remembered(net: Net, store: Store) -> None:
    built = plugin()
    with pytest.raises(FetchFailed, match="404"):
        await site_of(store, target(net.plugins, built))
    net.plugins.publish(built)
    assert (await site_of(store, target(net.plugins, built))).own.sha256 == built.sha256


async def test_who_goes_away_does_not_end_it_for_the_others_and_late_ones_see_how_far_it_is(net: Net, store: Store) -> None:
    built = plugin(files={"large.bin": os.urandom(2 << 20)})
    net.plugins.publish(built)
    gate, said = net.plugins.hold(built.filename), Said()
    halfway = asyncio.Event()
    gone = asyncio.create_task(site_of(store, target(net.plugins, built), lambda _, done=0, *__: halfway.set() if done else None))
    async with asyncio.timeout(DEADLINE):
        await halfway.wait()

    late = asyncio.create_task(site_of(store, target(net.plugins, built), lambda *heard: said.append(heard)))
    gone.cancel()
    await asyncio.wait({gone})
    gate.set()

    assert (await late).own.sha256 == built.sha256
    assert net.plugins.served[built.filename] == 1
    assert said[0][0] == "fetch"
    assert said[0][1], "the half that was there already"


async def test_the_same_version_with_other_bytes_is_refused_until_it_is_purged(net: Net, store: Store) -> None:
    built, changed = plugin(), plugin(files={"more.py": ""})
    net.plugins.publish(built)
    await site_of(store, target(net.plugins, built))
    net.plugins.publish(changed)

    with pytest.raises(ReleaseChanged, match=built.sha256) as raised:
        await site_of(store, target(net.plugins, changed))
    assert (raised.value.had, raised.value.got) == (built.sha256, changed.sha256)
    assert net.plugins.served[changed.filename] == 1, "the changed one is not even fetched"
    assert (await site_of(store, target(net.plugins, built))).own.sha256 == built.sha256

    await store.purge("acme-chat")
    assert (await site_of(store, target(net.plugins, changed))).own.sha256 == changed.sha256


async def test_that_is_remembered_over_restarts_and_counts_for_one_origin(net: Net, open_store: OpenStore) -> None:
    built, changed = plugin(), plugin(files={"more.py": ""})
    net.plugins.publish(built)
    net.registry.publish(changed)
    await site_of(await open_store(), target(net.plugins, built))

    net.plugins.publish(changed)
    with pytest.raises(ReleaseChanged):
        await site_of(await open_store(), target(net.plugins, changed))


async def test_a_dependency_that_changed_its_bytes_is_refused(net: Net, store: Store) -> None:
    one, two = plugin("one", requires=("acme-lib",)), plugin("two", requires=("acme-lib",))
    net.plugins.publish(one, two, lib("acme-lib"))
    await site_of(store, target(net.plugins, one))
    net.plugins.publish(lib("acme-lib", metadata=["Summary: other bytes"]))
    with pytest.raises(ReleaseChanged, match="acme-lib"):
        await site_of(store, target(net.plugins, two))


async def test_facts_that_cannot_be_read_are_made_again(net: Net, store: Store, tmp_path: Path) -> None:
    built = plugin()
    net.plugins.publish(built)
    before = await site_of(store, target(net.plugins, built))
    facts = tmp_path / f"home/store/wheels/{built.sha256}.json"
    assert json.loads(facts.read_bytes())["project"] == "acme-chat"
    facts.write_text("{")

    assert await site_of(store, target(net.plugins, built)) == before
    assert net.plugins.served[built.filename] == 2


async def test_a_store_that_closes_ends_what_runs(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin()
    net.plugins.publish(built)
    net.plugins.hold(built.filename)
    store = await open_store()
    lease = asyncio.create_task(site_of(store, target(net.plugins, built)))
    async with asyncio.timeout(DEADLINE):
        await net.plugins.begun[built.filename].wait()

    await store.close()

    with pytest.raises(PlughostError, match="stopping"):
        await lease
    assert left_behind(tmp_path / "home") == []


class Unasked:
    """A resolver for stores that need none."""

    kind = "none"

    async def resolve(self, question: object) -> tuple[()]:
        raise AssertionError(f"{question} was asked")
