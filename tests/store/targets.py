"""Plugins as wheels, targets for them, and what the store made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from plughost.model.artifact import Site
from plughost.model.plugin import Target, WheelFile, parse_name
from plughost.model.sharing import SharedDistribution, ShareKind
from plughost.store import Store
from plughost.testing import BuiltWheel, wheel
from tests.store.indexes import Index

Said = list[tuple[str, int | None, int | None]]


def plugin(
    name: str = "chat", version: str = "1.0", *, requires: tuple[str, ...] = (), files: Mapping[str, str | bytes] = {}, **more: Any
) -> BuiltWheel:
    content = {f"acme_{name}.py": f"plugin = {version!r}\n", **files}
    return wheel(f"acme-{name}", version, content, plugins={name: f"acme_{name}:plugin"}, requires=requires, **more)


def lib(project: str, version: str = "1.0", *requires: str, **more: Any) -> BuiltWheel:
    return wheel(project, version, {f"{project.replace('-', '_')}.py": f"version = {version!r}\n"}, requires=requires, **more)


def target(index: Index, built: BuiltWheel, **more: Any) -> Target:
    return _target(built, index.url_of(built.filename), **{"index": index.url, **more})


def in_folder(folder: Path, built: BuiltWheel, **more: Any) -> Target:
    path = built.write(folder)
    return _target(built, path.as_uri(), **{"index": folder.as_uri(), "mutable": True, **more})


def _target(built: BuiltWheel, url: str, *, sha256: str | None = "its own", **more: Any) -> Target:
    project, version = built.filename.split("-")[:2]
    digest = built.sha256 if sha256 == "its own" else sha256
    name = project.removeprefix("acme_").replace("_", "-")
    wanted = WheelFile(url=url, filename=built.filename, sha256=digest)
    return Target(**{"name": parse_name(name), "version": version, "wheel": wanted, "mount": name, **more})


def shared(kind: ShareKind = "strict", /, **versions: str) -> dict[str, SharedDistribution]:
    return {
        project.replace("_", "-"): SharedDistribution(
            project=project.replace("_", "-"), version=version, kind=kind, tops=frozenset({project})
        )
        for project, version in versions.items()
    }


async def site_of(store: Store, wanted: Target, report: Callable[..., None] = lambda *_: None) -> Site:
    """The site after its lease has ended."""
    async with store.lease(wanted, report) as site:
        return site


def left_behind(home: Path) -> list[str]:
    """Everything below the store that is no directory of ours, no lease and no gate."""
    root = home / "store"
    paths = (path.relative_to(root).as_posix() for path in root.rglob("*"))
    ours = {"wheels", "locks", "pins", "stubs", "leases", "turns", "staging", "gate"}
    return sorted(path for path in paths if path not in ours and not path.startswith(("leases/", "stubs/")))


def projects(site: Site) -> dict[str, str]:
    return {stored.project: stored.version for stored in site.wheels}
