"""Every error plughost raises on purpose; the first fork says whose fault it is.

    PlughostError
    ├── OperatorError   what was asked cannot be (operator.py): nothing is tried again
    ├── CatalogError    an index or the network failed (catalog.py): tried again with back-off
    ├── ArtifactError   the wheel, its dependencies or its origin (artifact.py): not again until the listing changes
    ├── PluginError     the plugin's own code (plugin.py): not again until the release changes
    └── HostError       this machine or plughost itself (host.py): tried again with back-off

A leaf has a stable `code`, an HTTP `status` and plain values as attributes; its message says what happened, with what,
and what to do next. Nothing here knows HTTP beyond that number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class PlughostError(Exception):
    """Something plughost refuses or could not do; raised only as one of its leaves."""

    code: ClassVar[str] = "host-error"
    status: ClassVar[int] = 500
    retried: ClassVar[bool] = False

    @property
    def detail(self) -> str:
        """The sentence for people: what happened, with what, what to do next."""
        return str(self)

    @property
    def fields(self) -> dict[str, object]:
        """The plain values a program may want (`rule`, `traceback`, …), without private ones."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}


class OperatorError(PlughostError):
    """What was asked cannot be done as it was asked."""


class CatalogError(PlughostError):
    """An index or the way to it failed; the same may work in a moment."""

    retried = True


class ArtifactError(PlughostError):
    """A wheel, its dependencies or its origin are not acceptable."""


class PluginError(PlughostError):
    """The plugin's own code failed."""


class HostError(PlughostError):
    """The machine or plughost itself failed."""

    retried = True


def describe(error: BaseException) -> Mapping[str, object]:
    """An error as plain JSON values: code, status, title, detail and its fields; a stranger becomes `host-error`."""
    if not isinstance(error, PlughostError):
        said = _sayable(f"{type(error).__name__}: {error}")
        return {"code": "host-error", "status": 500, "title": "Host error", "detail": said, "retried": True}
    return {
        **{name: _sayable(value) for name, value in error.fields.items()},
        "code": error.code,
        "status": error.status,
        "title": error.code.replace("-", " ").capitalize(),
        "detail": _sayable(error.detail),
        "retried": error.retried,
    }


def _sayable(value: object) -> object:
    """Text that UTF-8 can say: what plugins raise may hold anything."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
