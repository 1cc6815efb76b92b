"""What is leased or retained stays on disk, whoever prunes; what nobody needs goes."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plughost.errors import HostFault
from plughost.store.layout import Layout
from plughost.store.leases import Leases
from plughost.store.threads import Threads
from tests.store.conftest import OpenStore
from tests.store.indexes import Net
from tests.store.targets import lib, plugin, site_of, target

ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)


@asynccontextmanager
async def process(root: Path, threads: Threads, boot: str | None = None) -> AsyncIterator[Leases]:
    """What another process would do to the same files: an open file of its own is all that a lock knows."""
    layout = Layout(root=root, boot=boot or secrets.token_hex(8))
    layout.make()
    leases = Leases(layout, threads)
    leases.open()
    try:
        yield leases
    finally:
        leases.close()


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    made = Threads(2)
    yield made
    await made.close()


def anything(_: str) -> bool:
    return True


async def test_what_one_process_holds_another_does_not_prune(tmp_path: Path, threads: Threads) -> None:
    async with process(tmp_path, threads) as one, process(tmp_path, threads) as other:
        async with one.hold({ONE, TWO}, anything) as missing:
            assert not missing
            with other.pruning() as needed:
                assert needed == {ONE, TWO}
        with one.pruning() as needed:
            assert needed == frozenset()


async def test_a_digest_is_needed_until_its_last_lease_ends(tmp_path: Path, threads: Threads) -> None:
    async with process(tmp_path, threads) as one, process(tmp_path, threads) as other:
        async with one.hold({ONE}, anything):
            async with one.hold({ONE, TWO}, anything):
                pass
            with one.pruning() as needed:
                assert needed == {ONE}
        with one.pruning():
            pass
        with other.pruning() as needed:
            assert needed == frozenset()


async def test_what_was_pruned_just_before_is_told_as_missing(tmp_path: Path, threads: Threads) -> None:
    async with process(tmp_path, threads) as one, one.hold({ONE, TWO}, {TWO}.__contains__) as missing:
        assert missing == {ONE}


async def test_a_dead_process_holds_nothing_and_its_staging_is_swept_out(tmp_path: Path, threads: Threads) -> None:
    async with AsyncExitStack() as dead, process(tmp_path, threads) as live:
        gone = await dead.enter_async_context(process(tmp_path, threads, boot="gone"))
        await dead.enter_async_context(gone.hold({ONE}, anything))
        layouts = [Layout(root=tmp_path, boot=boot) for boot in ("gone", live._layout.boot)]
        theirs, ours = (layout.stage() for layout in layouts)
        (theirs / "half").write_text("")
        assert live.alive("gone")

        # The kernel does this when a process dies: the lock is gone, the file stays.
        handle, gone._handle = gone._handle, None
        assert handle is not None
        os.close(handle)

        assert not live.alive("gone")
        with live.pruning() as needed:
            assert needed == frozenset()
        assert (theirs.exists(), ours.exists()) == (False, True)
        assert not (tmp_path / "leases/gone").exists()


async def test_a_boot_id_is_one_processs(tmp_path: Path, threads: Threads) -> None:
    async with process(tmp_path, threads, boot="same"):
        with pytest.raises(HostFault, match="in use"):
            async with process(tmp_path, threads, boot="same"):
                pass


async def test_a_row_cut_off_by_a_full_disk_is_written_over(tmp_path: Path, threads: Threads) -> None:
    async with process(tmp_path, threads) as one, process(tmp_path, threads) as other, one.hold({ONE}, anything):
        with (tmp_path / "leases" / one._layout.boot).open("a") as file:
            file.write("22222")
        async with one.hold({THREE}, anything):
            with other.pruning() as needed:
                assert needed == {ONE, THREE}


STEPS = st.lists(st.tuples(st.sampled_from(["hold", "release", "prune"]), st.integers(0, 1), st.integers(0, 3)), max_size=25)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_in_whatever_order_nothing_held_is_ever_pruned(steps: list[tuple[str, int, int]], tmp_path_factory: pytest.TempPathFactory) -> None:
    asyncio.run(_play(steps, tmp_path_factory.mktemp("store")))


async def _play(steps: list[tuple[str, int, int]], root: Path) -> None:
    digests, threads = [str(number) * 64 for number in range(4)], Threads(2)
    there, held = set(digests), [list[tuple[str, AsyncExitStack]](), list[tuple[str, AsyncExitStack]]()]
    async with AsyncExitStack() as stack:
        processes = [await stack.enter_async_context(process(root, threads)) for _ in range(2)]
        for verb, who, which in steps:
            if verb == "hold":
                lease = AsyncExitStack()
                missing = await lease.enter_async_context(processes[who].hold({digests[which]}, there.__contains__))
                assert bool(missing) == (digests[which] not in there)
                there.add(digests[which])  # whoever finds it missing obtains it
                held[who].append((digests[which], lease))
            elif verb == "release" and held[who]:
                await held[who].pop(which % len(held[who]))[1].aclose()
            elif verb == "prune":
                with processes[who].pruning() as needed:
                    there &= needed
                assert {digest for leases in held for digest, _ in leases} <= there
        for leases in held:
            for _, lease in leases:
                await lease.aclose()
    await threads.close()


async def test_a_site_stays_while_it_is_leased_and_goes_afterwards(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built, lib("acme-lib"))
    store, other = await open_store(), await open_store()
    async with store.lease(target(net.plugins, built), lambda *_: None) as site:
        assert await store.prune() == await other.prune() == ()
        assert all(stored.path.is_dir() for stored in site.wheels)

    assert set(await store.prune()) == {stored.sha256 for stored in site.wheels}
    assert not any(stored.path.exists() for stored in site.wheels)
    assert not list((tmp_path / "home/store/locks").iterdir())


async def test_retained_releases_stay_with_what_they_require(net: Net, open_store: OpenStore) -> None:
    old, new = plugin(version="1.0", requires=("acme-old",)), plugin(version="2.0", requires=("acme-new",))
    net.plugins.publish(old, new, lib("acme-old"), lib("acme-new"))
    store, other = await open_store(), await open_store()
    first, second = [await site_of(store, target(net.plugins, built)) for built in (old, new)]

    store.retain("chat", [new.sha256, old.sha256])
    assert await store.prune() == await other.prune() == ()

    store.retain("chat", [new.sha256])
    assert set(await store.prune()) == first.digests
    store.retain("chat", [])
    assert set(await store.prune()) == second.digests


async def test_the_last_word_on_what_to_retain_counts(net: Net, open_store: OpenStore) -> None:
    old, new = plugin(version="1.0"), plugin(version="2.0")
    net.plugins.publish(old, new)
    store = await open_store()
    for built in (old, new):
        await site_of(store, target(net.plugins, built))
    for release in (old, new, old, new):
        store.retain("chat", [release.sha256])
    assert await store.prune() == (old.sha256,)
    store.retain("chat", [])
    await store.close()


async def test_what_is_pruned_is_obtained_again(net: Net, open_store: OpenStore) -> None:
    built = plugin()
    net.plugins.publish(built)
    store = await open_store()
    before = await site_of(store, target(net.plugins, built))
    await store.prune()
    assert not store.has(target(net.plugins, built))
    assert await site_of(store, target(net.plugins, built)) == before


async def test_leasing_and_pruning_at_the_same_time_give_whole_sites(net: Net, open_store: OpenStore) -> None:
    built = plugin(requires=("acme-lib",))
    net.plugins.publish(built, lib("acme-lib"))
    stores = [await open_store(), await open_store()]

    async def lease_often(number: int) -> None:
        for _ in range(10):
            async with stores[number % 2].lease(target(net.plugins, built), lambda *_: None) as site:
                assert all((stored.path / f"{stored.tops[0]}.py").exists() for stored in site.wheels)

    async def prune_often(number: int) -> None:
        for _ in range(15):
            await stores[number].prune()

    await asyncio.gather(*(lease_often(number) for number in range(4)), prune_often(0), prune_often(1))
