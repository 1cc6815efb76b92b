"""What the pages show, out of what the shelf has: pure functions."""

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
    """The version that following would choose; None: nothing can be chosen."""
    last: File
    """What was uploaded last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why a file is not simply there."""

    word: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file, and whether it can be had."""

    file: File
    troubles: tuple[Trouble, ...]
    served: bool


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
        """What is wrong with each of its files; a release with one good file is a good one."""
        if not all(item.troubles for item in self.items):
            return ()
        return tuple(dict.fromkeys(trouble for item in self.items for trouble in item.troubles))


def listed(plugin: Plugin) -> Listed:
    """The row of a plugin."""
    carrying = [file for file in plugin.files if plugin.name in file.plugins]
    newest = chosen(plugin.name, plugin.files, "")
    described = next((file for file in carrying if file.version == newest), carrying[0])
    return Listed(
        name=plugin.name,
        project=plugin.project,
        summary=described.summary,
        enabled=plugin.enabled,
        newest=newest,
        last=max(carrying, key=lambda file: file.uploaded),
    )


def releases(files: Sequence[File]) -> tuple[Release, ...]:
    """The releases of files that come newest version first."""
    groups = groupby(files, key=lambda file: file.number)
    made = (tuple(map(_item, group)) for _, group in groups)
    return tuple(Release(version=items[0].file.version, items=items) for items in made)


def described(files: Sequence[File]) -> File:
    """The file that speaks for a project: of the newest release that can be chosen, else of the newest."""
    good = [file for file in files if not any(_troubles(file))]
    stable = [file for file in good if not file.number.is_prerelease]
    return (stable or good or files)[0]


def references(files: Sequence[File], described: File) -> Mapping[str, str]:
    """Plugin → its object reference, as the described file has it, else as the newest that has it."""
    named = {name: file.plugins[name] for file in reversed(files) for name in file.plugins}
    return dict(sorted((named | dict(described.plugins)).items()))


def _item(file: File) -> Item:
    return Item(file=file, troubles=tuple(_troubles(file)), served=True)


def _troubles(file: File) -> Iterator[Trouble]:
    if file.yanked is not None:
        yield Trouble(word="yanked", reason=file.yanked)
