"""Several sources as one: the first that may speak for a name, and has it, answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from plughost.catalog.source import EntryProblem, Source
from plughost.errors import PluginUnknown, ProjectUnknown
from plughost.model.plugin import Listing


def speaks_for(names: Iterable[str], plugin: str) -> bool:
    """Whether one of the globs matches the plugin's name."""
    return any(fnmatchcase(plugin, glob) for glob in names)


class Catalog:
    """The configured sources, in the operator's order."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = tuple(sources)

    async def find(self, plugin: str, *, project: str | None, specifier: str) -> Listing:
        """What the first source has that may speak for the plugin and knows it.

        A source that knows it but has no release that fits ends the search, and so does one that cannot be asked: one
        origin for a name, or a stranger's release would be taken whenever the right index is down.
        Raises PluginUnknown or ProjectUnknown where no source knows it, else what the source raised.
        """
        asked: list[str] = []
        for source in self.sources:
            if not speaks_for(source.names, plugin):
                continue
            try:
                return await source.find(plugin, project=project, specifier=specifier)
            except (PluginUnknown, ProjectUnknown):
                asked.append(source.url)
        if project is not None:
            raise ProjectUnknown(project, asked=asked)
        raise PluginUnknown(plugin)

    def shadowed(self, lists: Mapping[str, Mapping[str, Listing]]) -> Mapping[str, tuple[EntryProblem, ...]]:
        """By source, the names it lists that an earlier one already speaks for; `lists` are source → name → listing."""
        heard: dict[str, str] = {}
        found: dict[str, tuple[EntryProblem, ...]] = {}
        for url in [source.url for source in self.sources if source.url in lists]:
            echoes = [name for name in lists[url] if heard.setdefault(name, url) != url]
            if echoes:
                found[url] = tuple(EntryProblem(name=name, problem=f"{heard[name]} speaks for it") for name in echoes)
        return found
