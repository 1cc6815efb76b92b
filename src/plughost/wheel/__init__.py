"""What a wheel is: its digest, its file name, its metadata, and the guard that every archive has to pass.

Knows files and bytes; nothing of networks, stores or plugins.
"""

from __future__ import annotations

from plughost.wheel.digest import fragment_sha256, hash_file, integrity, parse_integrity
from plughost.wheel.guard import Entry, Guard, Limits, WheelFacts, inspect
from plughost.wheel.metadata import Metadata, parse_entry_points, parse_metadata
from plughost.wheel.name import WheelName, best, fits, parse_filename
from plughost.wheel.plugins import GROUP, RESERVED, plugin_entries, plugin_name

__all__ = [
    "GROUP",
    "RESERVED",
    "Entry",
    "Guard",
    "Limits",
    "Metadata",
    "WheelFacts",
    "WheelName",
    "best",
    "fits",
    "fragment_sha256",
    "hash_file",
    "inspect",
    "integrity",
    "parse_entry_points",
    "parse_filename",
    "parse_integrity",
    "parse_metadata",
    "plugin_entries",
    "plugin_name",
]
