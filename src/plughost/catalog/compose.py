"""Several sources as one: the first that may speak for a name, and has it, answers.

Which list speaks for a name is the same rule over what the ledger keeps: `model.intent.speaker`.
"""

from __future__ import annotations

from collections.abc import Iterable

from plughost.catalog.source import Source, speaks_for
from plughost.errors import PluginUnknown, ProjectUnknown
from plughost.model.plugin import Listing


class Catalog:
    """The configured sources, in the operator's order."""

    def __init__(self, sources: Iterable[Source]) -> None:
        self.sources = tuple(sources)

    async def find(self, plugin: str, *, project: str | None, specifier: str | None) -> Listing:
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
