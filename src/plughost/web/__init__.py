"""Slots in the pages of an embedding application."""

from __future__ import annotations

from plughost.web.templates import Templates

__all__ = ["Templates"]
