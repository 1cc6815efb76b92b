"""One careful HTTP client: origins and addresses are checked, bytes are capped and hashed, everything has a deadline."""

from __future__ import annotations

from plughost.net.client import Answer, Client
from plughost.net.events import ServerSentEvent, follow
from plughost.net.fetch import Fetched, fetch
from plughost.net.registries import Registries, configured
from plughost.net.rules import Origin, OriginRule, Rules, own_origin

__all__ = [
    "Answer",
    "Client",
    "Fetched",
    "Origin",
    "OriginRule",
    "Registries",
    "Rules",
    "ServerSentEvent",
    "configured",
    "fetch",
    "follow",
    "own_origin",
]
