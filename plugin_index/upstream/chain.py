"""The registries that are asked, in order: those that are named, or those that this machine's pip and uv are configured for.

Credentials are kept apart from the URLs, so that nothing shows them and no other origin gets them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from plughost.net import Client, Origin, Rules, configured, own_origin
from plugin_index.errors import UpstreamUnknown

_NOTHING_ELSE = {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}
"""With these, nothing is read but the variables beside them."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Chain:
    """Registries by the URLs of their simple pages, without credentials and with a slash at the end."""

    urls: tuple[str, ...]
    credentials: Mapping[Origin, tuple[str, str]]

    @classmethod
    def of(cls, named: Iterable[str] = (), environment: Mapping[str, str] | None = None) -> Self:
        """The registries that are named, else those of this machine, uv's before pip's; raises UpstreamUnknown or OriginNotAllowed."""
        machine, named = configured(environment), tuple(named)
        typed = configured({**_NOTHING_ELSE, "PIP_INDEX_URL": " ".join(named)})
        urls = dict.fromkeys(map(_plain, typed.pip if named else (*machine.uv, *machine.pip)))
        if not urls:
            raise UpstreamUnknown
        for url in filter(is_remote, urls):
            Origin.of(url)
        return cls(urls=tuple(urls), credentials={**machine.credentials, **typed.credentials})

    @property
    def origins(self) -> tuple[str, ...]:
        """What is told of the registries."""
        return tuple(dict.fromkeys(str(Origin.of(url)) if is_remote(url) else url for url in self.urls))

    def client(self) -> Client:
        """Who asks them, and nobody else."""
        return Client(Rules(map(own_origin, filter(is_remote, self.urls))), basic=self.credentials)


def is_remote(url: str) -> bool:
    """Whether it is no folder of this machine."""
    return not url.startswith("file:")


def _plain(url: str) -> str:
    parts = urlsplit(url)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    return bare if bare.endswith("/") else f"{bare}/"
