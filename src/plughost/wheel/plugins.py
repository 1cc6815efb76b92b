"""What a wheel says of the plugins it carries: the entries of one group, and which names an entry may have."""

from __future__ import annotations

import re
from collections.abc import Mapping

from plughost.errors import NameInvalid, NameReserved

GROUP = "plughost.plugins"
"""The entry-point group."""
RESERVED = frozenset(
    {"api", "slots", "admin", "remotes", "docs", "redoc", "openapi.json", "healthz", "readyz", "metrics", "enabled", "events"}
)
"""Paths of the host, and of the index, which no plugin may be named after."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


def plugin_name(text: str) -> str:
    """The text, if it may be a plugin's name; raises NameInvalid or NameReserved."""
    if not _NAME.fullmatch(text):
        raise NameInvalid(text)
    if text in RESERVED:
        raise NameReserved(text)
    return text


def plugin_entries(entry_points: Mapping[str, Mapping[str, str]]) -> Mapping[str, str]:
    """Plugin → object reference."""
    return entry_points.get(GROUP, {})
