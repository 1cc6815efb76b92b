"""Which versions an operator asks for: PEP 440, and a bare version means exactly that one."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from plughost.errors import RequestInvalid


def parse_specifier(text: str | None) -> SpecifierSet:
    """The text as a set of versions, every one where nothing is asked; raises RequestInvalid."""
    if not text or not text.strip():
        return SpecifierSet()
    try:
        return SpecifierSet(f"=={Version(text)}")
    except InvalidVersion:
        pass
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise RequestInvalid(f"{text!r} is neither a version nor a specifier like '>=1.2,<2' (PEP 440)") from None


def newest(versions: Iterable[Version], wanted: SpecifierSet) -> Version | None:
    """The newest version that fits; a pre-release only where nothing else does, or where it is asked for."""
    return max(wanted.filter(versions), default=None)
