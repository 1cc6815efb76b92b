"""What the host's environment shares with scopes, read once from its metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from plughost.errors import RequestInvalid
from plughost.model.sharing import HostShare, SharedDistribution, ShareKind, applying
from plughost.scope import environment

STRICT = ("fastapi", "starlette", "pydantic", "pydantic-core", "anyio", "httpx", "typing-extensions", "annotated-types")
"""Their types cross the border between plugins and the host, so there is one of each."""
_SELF = "plughost"
_SUFFIXES = frozenset({".py", ".so", ".pyd"})
_EXTENSION = re.compile(r"\.(so|pyd)\"?,")


def host_share(extra: Mapping[str, ShareKind] | None = None) -> HostShare:
    """The distributions that scopes may use, by normalised name.

    Strict: those whose types cross the border, plughost (of which a scope sees the sdk alone), and what `extra` says.
    Offered: what plughost requires for itself, what has extension modules (it cannot stand in the process twice), and what `extra`
    says. Raises RequestInvalid where `extra` names what is not installed.
    """
    host = _Environment()
    kinds: dict[str, ShareKind] = dict.fromkeys([*host.natives(), *host.required_by(_SELF)], "offered")
    kinds |= dict.fromkeys((*STRICT, _SELF), "strict")
    kinds |= {canonicalize_name(name): kind for name, kind in (extra or {}).items()}
    if lacking := [name for name in extra or {} if host.find(canonicalize_name(name)) is None]:
        raise RequestInvalid(f"share names {', '.join(lacking)}, which is not installed beside the host; install it, or take it out")
    return {project: found.shared(kind) for project, kind in sorted(kinds.items()) if (found := host.find(project)) is not None}


def importable(files: Iterable[str]) -> Iterator[str]:
    """The names that a distribution with these files is imported by; in a namespace (PEP 420) the names in it."""
    modules = {path for path in map(PurePosixPath, files) if path.suffix in _SUFFIXES and ".." not in path.parts}
    packages = {path.parent for path in modules if path.name == "__init__.py"}
    for path in modules:
        outermost = next((parent for parent in reversed(path.parents) if parent in packages), None)
        parts = path.with_name(path.name.partition(".")[0]).parts if outermost is None else outermost.parts
        if all(part.isidentifier() for part in parts):
            yield ".".join(parts)


class _Environment:
    """The host's distributions, each read when it is asked for and then kept."""

    def __init__(self) -> None:
        self._read: dict[str, _Installed] = {}

    def find(self, project: str) -> _Installed | None:
        """The distribution of that normalised name, or None."""
        if project not in self._read and (info := environment.infos().get(project)) is not None:
            self._read[project] = _Installed(project, info)
        return self._read.get(project)

    def natives(self) -> Iterator[str]:
        """What has extension modules."""
        for project in environment.infos():
            if (found := self.find(project)) is not None and _EXTENSION.search(found.record):
                yield project

    def required_by(self, root: str) -> Iterator[str]:
        """What the distribution requires on this interpreter, and what that requires."""
        todo, seen = [(root, frozenset[str]())], set[tuple[str, frozenset[str]]]()
        while todo:
            node = project, extras = todo.pop()
            if node in seen or (found := self.find(project)) is None:
                continue
            seen.add(node)
            yield project
            todo += [(canonicalize_name(r.name), frozenset(r.extras)) for r in applying(found.requires, extras)]


@dataclass(frozen=True)
class _Installed:
    """One distribution of the environment."""

    project: str
    info: Path

    def shared(self, kind: ShareKind) -> SharedDistribution:
        """As scopes get it."""
        extras, version = self._headers.get_all("Provides-Extra"), str(self._headers["Version"])
        return SharedDistribution(
            project=self.project, version=version, kind=kind, tops=self._tops(), requires=self.requires, extras=frozenset(extras or ())
        )

    @cached_property
    def record(self) -> str:
        """RECORD as it is, or nothing."""
        return self._file("RECORD")

    @property
    def requires(self) -> tuple[str, ...]:
        """Requires-Dist."""
        return tuple(self._headers.get_all("Requires-Dist") or ())

    @cached_property
    def _headers(self) -> Message:
        """The fields of METADATA, without the long description below them."""
        return HeaderParser().parsestr(self._file("METADATA").partition("\n\n")[0])

    def _tops(self) -> frozenset[str]:
        if self.project == _SELF:
            return frozenset({f"{_SELF}.sdk"})
        names = frozenset(importable(line.partition(",")[0].strip('"') for line in self.record.splitlines()))
        return names or frozenset((self._file("top_level.txt") or self.project.replace("-", "_")).split())

    def _file(self, name: str) -> str:
        path = self.info / name
        return path.read_text(encoding="utf-8") if path.is_file() else ""
