"""Rows as the tests write them."""

from __future__ import annotations

import hashlib
from typing import Any

from plugin_index.nouns import Audit, Enabled, File, Mirror, Offer, Revocation, Token

METADATA = b"Metadata-Version: 2.1\nName: acme-chat\n"


def a_file(project: str = "acme-chat", version: str = "1.0", *, says: str = "", **changed: Any) -> File:
    filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
    values: dict[str, Any] = {
        "filename": filename,
        "project": project,
        "version": version,
        "sha256": hashlib.sha256((filename + says).encode()).hexdigest(),
        "size": 100,
        "uploaded": 1_700_000_000.25,
        "uploader": "ci",
        "requires_python": ">=3.11",
        "metadata_sha256": hashlib.sha256(METADATA).hexdigest(),
        "summary": "Chat für alle",
        "plugins": {"chat": "acme_chat:plugin"},
    }
    return File(**(values | changed))


def an_entry(plugin: str = "chat", version: str = "1.0") -> Enabled:
    return Enabled(plugin=plugin, specifier="", version=version, by="ada", at=1_700_000_001.5, reason="it is ready")


def a_token(identifier: str = "one", **changed: Any) -> Token:
    values: dict[str, Any] = {
        "id": identifier,
        "name": "CI",
        "actions": ("upload", "manage"),
        "projects": ("acme-*",),
        "created": 1_700_000_000.0,
        "hash": f"hash of {identifier}",
    }
    return Token(**(values | changed))


def a_mirror(project: str = "lib-one", **changed: str) -> Mirror:
    return Mirror(**({"project": project, "registry": "https://packages.example.com/simple/", "etag": '"one"', "digest": "1"} | changed))


def an_offer(project: str = "lib-one", version: str = "1.0", **changed: Any) -> Offer:
    filename = f"{project.replace('-', '_')}-{version}-py3-none-any.whl"
    values: dict[str, Any] = {
        "filename": filename,
        "project": project,
        "version": version,
        "sha256": hashlib.sha256(filename.encode()).hexdigest(),
        "url": f"https://files.example.com/{filename}",
        "size": 100,
        "uploaded": "2026-01-02T03:04:05Z",
        "requires_python": ">=3.9",
        "yanked": None,
        "metadata_sha256": hashlib.sha256(METADATA).hexdigest(),
    }
    return Offer(**(values | changed))


def a_revocation(sha256: str, *, at: float = 1_700_000_002.0, reason: str = "it steals") -> Revocation:
    return Revocation(sha256=sha256, reason=reason, by="eve", at=at)


def an_audit(verb: str) -> Audit:
    return Audit(at=1_700_000_003.0, by="ada", verb=verb, subject="chat", origin="192.0.2.1", reason="because")
