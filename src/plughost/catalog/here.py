"""What this interpreter can run, as far as an index can tell."""

from __future__ import annotations

import sys

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

_PYTHON = Version(".".join(map(str, sys.version_info[:3])))


def python_fits(requires: str | None) -> bool:
    """Whether Requires-Python admits this interpreter; what is no specifier forbids nothing, as with pip."""
    try:
        return requires is None or SpecifierSet(requires).contains(_PYTHON, prereleases=True)
    except InvalidSpecifier:
        return True
