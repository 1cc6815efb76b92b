"""The composition root: builds the rooms, joins them, and is one ASGI application."""

from __future__ import annotations

from plughost.host.host import Host

__all__ = ["Host"]
