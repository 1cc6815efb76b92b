"""What the host's environment shares with scopes, read once from its metadata."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name

from plughost.errors import RequestInvalid
from plughost.model.sharing import HostShare, SharedDistribution, ShareKind, applying
from plughost.scope import natives

STRICT = ("fastapi", "starlette", "pydantic", "pydantic-core", "anyio", "httpx", "typing-extensions", "annotated-types")
"""Their types cross the border between plugins and the host, so there is one of each."""
_SELF = "plughost"
_BINARY = (".so", ".pyd", ".dylib")


def host_share(extra: Mapping[str, ShareKind] | None = None) -> HostShare:
    """The distributions that scopes may use, by normalised name.

    Strict: those whose types cross the border, plughost (of which a scope sees the sdk alone), and what `extra` says.
    Offered: what plughost requires for itself, what has extension modules (it cannot stand in the process twice), and what `extra`
    says. Raises RequestInvalid where `extra` names what is not installed.
    """
    kinds: dict[str, ShareKind] = dict.fromkeys([*_native(), *_required(_SELF)], "offered")
    kinds |= dict.fromkeys((*STRICT, _SELF), "strict")
    kinds |= {canonicalize_name(name): kind for name, kind in (extra or {}).items()}
    found = {project: _installed(project) for project in kinds}
    if lacking := [name for name in extra or {} if found[canonicalize_name(name)] is None]:
        raise RequestInvalid(f"share names {', '.join(lacking)}, which is not installed beside the host; install it, or take it out")
    return {project: _shared(project, kinds[project], one) for project, one in sorted(found.items()) if one is not None}


def _shared(project: str, kind: ShareKind, one: Distribution) -> SharedDistribution:
    return SharedDistribution(
        project=project,
        version=one.version,
        kind=kind,
        tops=frozenset({"plughost.sdk"}) if project == _SELF else _tops(project, one),
        requires=tuple(one.requires or ()),
        extras=frozenset(one.metadata.get_all("Provides-Extra") or ()),
    )


def _tops(project: str, one: Distribution) -> frozenset[str]:
    names = frozenset(importable(str(path) for path in one.files or ()))
    return names or frozenset((one.read_text("top_level.txt") or project.replace("-", "_")).split())


def importable(files: Iterable[str]) -> Iterator[str]:
    """The names that a distribution with these files is imported by; in a namespace (PEP 420) the names in it."""
    modules = {path for path in map(PurePosixPath, files) if path.suffix in {".py", *_BINARY} and ".." not in path.parts}
    packages = {path.parent for path in modules if path.name == "__init__.py"}
    for path in modules:
        outermost = next((parent for parent in reversed(path.parents) if parent in packages), None)
        parts = path.with_name(path.name.partition(".")[0]).parts if outermost is None else outermost.parts
        if all(part.isidentifier() for part in parts):
            yield ".".join(parts)


def _required(root: str) -> Iterator[str]:
    """What the distribution requires on this interpreter, and what that requires."""
    todo, seen = [(root, frozenset[str]())], set[tuple[str, frozenset[str]]]()
    while todo:
        node = project, extras = todo.pop()
        if node in seen or (one := _installed(project)) is None:
            continue
        seen.add(node)
        yield project
        todo += [(canonicalize_name(r.name), frozenset(r.extras)) for r in applying(one.requires or (), extras)]


def _native() -> Iterator[str]:
    """What of the environment has extension modules."""
    for project in natives.installed():
        one = _installed(project)
        if one is not None and any(str(path).endswith(_BINARY) for path in one.files or ()):
            yield project


def _installed(project: str) -> Distribution | None:
    try:
        return importlib.metadata.distribution(project)
    except PackageNotFoundError:
        return None
