"""What the pages show, out of files: pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from plugin_index.choosing import chosen
from plugin_index.nouns import Enabled, File
from plugin_index.shelf import Plugin


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A plugin as a row of the list."""

    name: str
    project: str
    summary: str
    enabled: Enabled | None
    newest: str | None
    """The version that following would choose; None: there is none."""
    last: File
    """What was uploaded last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a file is not simply there."""

    word: str
    reason: str = ""
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file, and what is wrong with it."""

    file: File
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A version with its files."""

    version: str
    items: tuple[Item, ...]

    @property
    def last(self) -> File:
        """What was uploaded last of it."""
        return max((item.file for item in self.items), key=lambda file: file.uploaded)

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What is wrong with its files; nothing where one of them is good."""
        if not all(item.troubles for item in self.items):
            return ()
        return tuple(dict.fromkeys(trouble for item in self.items for trouble in item.troubles))


def listed(plugin: Plugin) -> Listed:
    """The row of a plugin."""
    carrying = [file for file in plugin.files if plugin.name in file.plugins]
    speaker = described(carrying)
    return Listed(
        name=plugin.name,
        project=plugin.project,
        summary=speaker.summary if speaker else "",
        enabled=plugin.enabled,
        newest=chosen(plugin.name, plugin.files, ""),
        last=max(carrying, key=lambda file: file.uploaded),
    )


def releases(files: Sequence[File]) -> tuple[Release, ...]:
    """The releases of files that come newest version first."""
    groups = groupby(files, key=lambda file: file.number)
    made = (tuple(Item(file=file, troubles=tuple(_troubles(file))) for file in group) for _, group in groups)
    return tuple(Release(version=items[0].file.version, items=items) for items in made)


def described(files: Sequence[File]) -> File | None:
    """The file that speaks for a project: of the newest release that can be chosen; None where nobody may have any of them."""
    offered = [file for file in files if file.offered]
    choosable = [file for file in offered if file.choosable]
    stable = [file for file in choosable if not file.number.is_prerelease]
    return next(iter(stable or choosable or offered), None)


def references(files: Sequence[File], speaker: File | None) -> Mapping[str, str]:
    """Plugin → its object reference, as the speaker has it, else the newest file that has it."""
    named = {name: file.plugins[name] for file in reversed(files) for name in file.plugins}
    return dict(sorted((named | dict(speaker.plugins if speaker else {})).items()))


def _troubles(file: File) -> Iterator[Trouble]:
    for word, reason in (("revoked", file.revoked), ("quarantined", file.quarantined), ("yanked", file.yanked)):
        if reason is not None:
            yield Trouble(word=word, reason=reason)
    if file.removed is not None:
        yield Trouble(word="removed", at=file.removed)
