"""The host over HTTP (contract §4): shapes, routes, tokens, events, OpenAPI. It decides nothing about plugins."""

from __future__ import annotations

from plughost.api.access import Access, Tokens
from plughost.api.app import Api
from plughost.api.console import Console
from plughost.api.journal import Journal
from plughost.api.system import make_token

__all__ = ["Access", "Api", "Console", "Journal", "Tokens", "make_token"]
