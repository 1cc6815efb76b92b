"""What a plugin is called, what a source claims of it, and what exactly should run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, NewType

from plughost.errors import MountReserved, RequestInvalid
from plughost.wheel import RESERVED, plugin_name

PluginName = NewType("PluginName", str)
Isolation = Literal["auto", "scope", "process"]

_MOUNT = re.compile(r"[a-z0-9][a-z0-9._-]*")
_ENTRY = re.compile(r"(?!\d)\w+(\.(?!\d)\w+)*(:(?!\d)\w+(\.(?!\d)\w+)*)?")


def parse_name(text: str) -> PluginName:
    """The text as a plugin's name; raises NameInvalid or NameReserved."""
    return PluginName(plugin_name(text))


def parse_mount(text: str) -> str:
    """The text as one path segment without its slash; raises RequestInvalid or MountReserved."""
    segment = text.removeprefix("/").removesuffix("/")
    if not _MOUNT.fullmatch(segment):
        raise RequestInvalid(f"mount {text!r} is not one path segment [a-z0-9][a-z0-9._-]*")
    if segment in RESERVED:
        raise MountReserved(segment)
    return segment


def parse_entry(text: str) -> str:
    """The text as an entry point `package.module:object`, `:plugin` where it names no object; raises RequestInvalid."""
    entry = re.sub(r"\s*:\s*", ":", text.strip())
    if not _ENTRY.fullmatch(entry):
        raise RequestInvalid(f"entry point {text!r} is not of the form package.module:object")
    return entry if ":" in entry else f"{entry}:plugin"


@dataclass(frozen=True, slots=True, kw_only=True)
class WheelFile:
    """Where a wheel is and which bytes it should have: a claim until the store has verified it."""

    url: str
    filename: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One entry of a source's plugin list; nothing in it is trusted."""

    name: PluginName
    version: str
    wheels: tuple[WheelFile, ...]
    entry: str | None = None
    project: str | None = None
    mount: str | None = None
    isolation: Isolation = "auto"
    source: str
    index: str | None = None
    """Where the plugin's dependencies are asked of first: a PEP 691 base URL, or a folder as `file:` URL."""
    mutable: bool = False
    """A folder may list other bytes for the same version: the author's loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One release of a plugin and how it should run; `plan` compares these, but for where the bytes are."""

    name: PluginName
    version: str
    wheel: WheelFile
    entry: str | None = None
    project: str | None = None
    mount: str
    isolation: Isolation = "auto"
    config: str = "{}"
    """JSON text, so that the value stays hashable."""
    index: str | None = None
    """As the listing's."""
    mutable: bool = False

    def __str__(self) -> str:
        return f"{self.name} {self.version}"

    def same_release(self, other: Target) -> bool:
        """Whether both are the same bytes; a hash nobody told yet counts as equal."""
        ours, theirs = self.wheel.sha256, other.wheel.sha256
        return (self.name, self.version) == (other.name, other.version) and (ours is None or theirs is None or ours == theirs)

    def same_as(self, other: Target) -> bool:
        """Whether running the other one is as good as running this one."""
        return self.same_release(other) and self._how() == other._how()

    def _how(self) -> tuple[str | None, str, str, str]:
        return self.entry, self.mount, self.isolation, self.config
