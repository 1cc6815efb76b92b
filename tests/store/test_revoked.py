"""What is revoked leaves the store to nobody, and is not fetched where it is known before."""

from __future__ import annotations

from pathlib import Path

import pytest

from plughost.errors import Revoked
from plughost.testing import BuiltWheel
from tests.store.conftest import OpenStore
from tests.store.indexes import Net
from tests.store.targets import in_folder, lib, plugin, projects, site_of, target


def there(tmp_path: Path) -> set[str]:
    """The wheels that are on disk."""
    return {path.stem for path in (tmp_path / "home/store/wheels").glob("*.json")}


def revoked(built: BuiltWheel) -> dict[str, str]:
    return {built.sha256: "stolen"}


async def test_a_plugins_wheel_whose_bytes_are_promised_is_not_fetched(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    net.plugins.publish(built := plugin())
    store = await open_store(revoked=lambda: revoked(built))

    with pytest.raises(Revoked, match=rf"chat 1\.0 contains {built.filename} .* which is revoked: stolen"):
        await site_of(store, target(net.plugins, built))

    assert there(tmp_path) == set()


async def test_one_whose_bytes_nobody_promised_is_refused_when_they_are_known(open_store: OpenStore, tmp_path: Path) -> None:
    built = plugin()
    store = await open_store(revoked=lambda: revoked(built))

    with pytest.raises(Revoked, match=r"chat 1\.0 contains acme-chat 1\.0"):
        await site_of(store, in_folder(tmp_path / "wheels", built, sha256=None))


async def test_a_dependency_is_refused_before_it_is_fetched(net: Net, open_store: OpenStore, tmp_path: Path) -> None:
    net.plugins.publish(built := plugin(requires=("acme-lib",)), bad := lib("acme-lib"))
    store = await open_store(revoked=lambda: revoked(bad))

    with pytest.raises(Revoked, match=r"chat 1\.0 contains acme-lib 1\.0") as refused:
        await site_of(store, target(net.plugins, built))

    assert (refused.value.wheel, refused.value.sha256, refused.value.reason) == ("acme-lib 1.0", bad.sha256, "stolen")
    assert there(tmp_path) == {built.sha256}


@pytest.mark.parametrize("which", ["the plugin", "its dependency"])
async def test_what_is_on_disk_already_is_refused_and_had_again_when_it_is_lifted(net: Net, open_store: OpenStore, which: str) -> None:
    net.plugins.publish(built := plugin(requires=("acme-lib",)), dependency := lib("acme-lib"))
    said: dict[str, str] = {}
    store = await open_store(revoked=lambda: said)
    wanted = target(net.plugins, built)
    await site_of(store, wanted)

    said |= revoked(built if which == "the plugin" else dependency)
    with pytest.raises(Revoked):
        await site_of(store, wanted)

    said.clear()
    assert projects(await site_of(store, wanted)) == {"acme-chat": "1.0", "acme-lib": "1.0"}


async def test_what_others_consist_of_is_nobody_elses_affair(net: Net, open_store: OpenStore) -> None:
    net.plugins.publish(built := plugin(), bad := lib("acme-lib"))
    store = await open_store(revoked=lambda: revoked(bad))

    assert projects(await site_of(store, target(net.plugins, built))) == {"acme-chat": "1.0"}
