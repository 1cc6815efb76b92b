"""Sources, trust rules and tokens, from the settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from plughost.catalog import FolderSource, ListSource, SimpleSource, Source
from plughost.net import Client, Origin, OriginRule, Rules, own_origin
from plughost.settings import Settings, SourceSettings


def sources_of(settings: Settings, client: Client) -> tuple[Source, ...]:
    """The configured sources, in the order in which they speak."""
    return tuple(_source(each, client) for each in settings.all_sources())


def trust_rules(settings: Settings) -> Rules:
    """Each source's own origin, as the operator typed it, then the `[[origins]]`."""
    own = [own_origin(each.url) for each in settings.all_sources() if each.kind != "folder"]
    others = [
        OriginRule(url=each.url, names=each.names, require=each.require, isolation=each.isolation, private=each.private)
        for each in settings.origins
    ]
    return Rules([*own, *others])


def origin_tokens(settings: Settings) -> Mapping[Origin, str]:
    """What each private source wants to see; it goes to that source's origin only."""
    return {Origin.of(each.url): token for each in settings.all_sources() if (token := _token(settings, each)) is not None}


def _token(settings: Settings, source: SourceSettings) -> str | None:
    if source.kind == "folder":
        return None
    if source.token_env:
        return os.environ.get(source.token_env)
    if source.url == settings.index and settings.index_token is not None:
        return settings.index_token.get_secret_value()
    return None


def _source(source: SourceSettings, client: Client) -> Source:
    match source.kind:
        case "list":
            return ListSource(source.url, client, names=source.names)
        case "simple":
            return SimpleSource(source.url, client, names=source.names)
        case "folder":
            return FolderSource(_folder(source.url), names=source.names)


def _folder(url: str) -> Path:
    return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else Path(url)
