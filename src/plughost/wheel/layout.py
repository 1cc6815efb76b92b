"""Which files of a wheel become part of a site, where they go, and what they make importable.

Left out are files that nothing of plughost would ever execute, and that honest wheels carry: what an interpreter runs when it
starts, scripts, headers, bytecode, signatures, and metadata in older formats.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from plughost.errors import ArchiveRefused, NotAWheel, WheelMisnamed
from plughost.wheel.archive import Member
from plughost.wheel.name import WheelName
from plughost.wheel.paths import Tree, folded
from plughost.wheel.plugins import GROUP
from plughost.wheel.record import SIGNATURES

_IN_SITE = frozenset(("purelib", "platlib", "data"))
_LEFT_OUT = frozenset(("scripts", "headers"))
_STARTUP = frozenset(("sitecustomize", "usercustomize"))
_MODULE = re.compile(r"([^.]+)(?:\.py|\.pyc|(?:\.[\w-]+)*\.(?:so|pyd))")
_NATIVE = re.compile(r".*\.(?:so|pyd|dylib)(?:\.\d+)*")


class Placed(NamedTuple):
    """A member of the archive and where it goes."""

    member: Member
    path: str | None
    """In the site; None: left out."""
    is_data: bool = False
    """Out of `.data/data`: a file, not a module."""


def find_info(names: Iterable[str], own: WheelName) -> str:
    """The wheel's one `.dist-info` directory; NotAWheel without any, refused with several, WheelMisnamed if it is another's."""
    tops = {name.partition("/")[0] for name in names}
    infos = sorted(top for top in tops if folded(top).endswith(".dist-info"))
    if not infos:
        raise NotAWheel(own.filename, "it has no .dist-info directory")
    if len(infos) > 1:
        raise ArchiveRefused(own.filename, "dist-info", f"it has several .dist-info directories, {infos[0]!r} and {infos[1]!r} among them")
    if not _is_own(infos[0], ".dist-info", own):
        raise WheelMisnamed(own.filename, f"its directory {infos[0]!r} is another release's")
    return infos[0]


def place(members: Sequence[Member], info: str, own: WheelName, *, most: int) -> list[Placed]:
    """Where each file goes; refused where two would go to one place, or where `.data` is not used as PEP 427 says."""
    tree = Tree(own.filename, most=most)
    data = _data_directory(members, own)
    signatures = {f"{info}/{name}" for name in SIGNATURES}
    placed = []
    for member in members:
        scheme, path = _destination(member, data, own.filename)
        if member.is_directory:
            tree.add_folder(path)
            continue
        tree.add_file(path, member.name)
        stays = scheme not in _LEFT_OUT and member.name not in signatures and _stays(path)
        placed.append(Placed(member, path if stays else None, scheme == "data"))
    return placed


def modules(placed: Iterable[Placed]) -> frozenset[str]:
    """The dotted names of all files in the site that Python could import."""
    found = set()
    for _, path, _ in placed:
        *parents, last = (path or "").split("/")
        if match := _MODULE.fullmatch(last):
            found.add(".".join(parents if match[1] == "__init__" else (*parents, match[1])))
    return frozenset(found)


def tops(placed: Iterable[Placed]) -> tuple[str, ...]:
    """The top-level import names, sorted; a directory is one without any module, too (PEP 420)."""
    found = set()
    for _, path, is_data in placed:
        if path is None or is_data:
            continue
        top, below, _ = path.partition("/")
        match = _MODULE.fullmatch(top)
        found.add(top if below else match[1] if match else "")
    return tuple(sorted(name for name in found if name.isidentifier()))


def is_native(placed: Iterable[Placed]) -> bool:
    """Whether there is a shared library in the site."""
    return any(path is not None and _NATIVE.fullmatch(path) for _, path, _ in placed)


def check_shadows(found: Collection[str], forbidden: frozenset[str], wheel: str) -> None:
    """Refused where a module would stand in for one of the standard library or of `forbidden`."""
    for module in found:
        if _taken(module, forbidden):
            raise ArchiveRefused(wheel, "shadows", f"its module {module!r} has a name of the standard library or of what the host shares")


def check_entry_points(groups: Mapping[str, Mapping[str, str]], found: Collection[str], forbidden: frozenset[str], wheel: str) -> None:
    """Refused where an entry leads to the standard library or the host, or a plugin's entry to no module of this wheel.

    Entries of other groups may name a module of another distribution: nothing here loads them, and honest wheels have some.
    """
    for group, entries in groups.items():
        for name, reference in entries.items():
            module = reference.partition("[")[0].partition(":")[0].strip()
            if _taken(module, forbidden) or (group == GROUP and module not in found):
                raise ArchiveRefused(
                    wheel, "entry-point", f"its entry {name[:200]!r} = {reference[:200]!r} names a module that is not in the wheel"
                )


def _is_own(directory: str, suffix: str, own: WheelName) -> bool:
    project, _, version = directory.removesuffix(suffix).rpartition("-")
    try:
        return directory.endswith(suffix) and canonicalize_name(project) == own.project and Version(version) == Version(own.version)
    except InvalidVersion:
        return False


def _data_directory(members: Iterable[Member], own: WheelName) -> str:
    """The name of the wheel's `.data` directory, "" without one; refused where there is another release's."""
    tops = {member.name.partition("/")[0] for member in members if "/" in member.name}
    found = sorted(top for top in tops if folded(top).endswith(".data"))
    for top in found:
        if len(found) > 1 or not _is_own(top, ".data", own):
            raise ArchiveRefused(own.filename, "data-scheme", f"its directory {top!r} is another release's")
    return found[0] if found else ""


def _destination(member: Member, data: str, wheel: str) -> tuple[str, str]:
    """The scheme ("" outside of `.data`) and the path in the site ("" for the directory of a scheme)."""
    name = member.name.removesuffix("/")
    top, below, rest = name.partition("/")
    if not data or top != data or not below:
        return "", name
    scheme, _, path = rest.partition("/")
    if scheme not in _IN_SITE | _LEFT_OUT or not (path or member.is_directory):
        raise ArchiveRefused(wheel, "data-scheme", f"{name!r} is in no directory that PEP 427 knows in {data!r}")
    if folded(path.partition("/")[0]).endswith(".dist-info"):
        raise ArchiveRefused(wheel, "dist-info", f"{name!r} would change the metadata of a distribution")
    return scheme, name if scheme in _LEFT_OUT else path


def _stays(path: str) -> bool:
    parts = folded(path).split("/")
    top = parts[0]
    if top.partition(".")[0] in _STARTUP or top.endswith(".egg-info") or top == "egg-info":
        return False
    return not (len(parts) == 1 and top.endswith(".pth")) and "__pycache__" not in parts


def _taken(module: str, forbidden: frozenset[str]) -> bool:
    top = unicodedata.normalize("NFKC", module.partition(".")[0])
    return top in sys.stdlib_module_names or top in forbidden
