"""Which package registries this machine's pip and uv are configured for; read from the environment and their files, no network.

The URLs may carry credentials: they stay in memory and are never written or shown.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Registries:
    """Index URLs in the order in which the tool asks them; empty: the tool's own default."""

    pip: tuple[str, ...]
    uv: tuple[str, ...]


def configured(environment: Mapping[str, str] | None = None) -> Registries:
    """What pip and uv would ask, by their environment variables and configuration files."""
    env = os.environ if environment is None else environment
    return Registries(pip=tuple(_unique(_pip(env))), uv=tuple(_unique(_uv(env))))


def _pip(env: Mapping[str, str]) -> Iterator[str]:
    settings: dict[str, str] = {}
    for file in _pip_files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):  # pip itself will say so
            continue
        for section in ("global", "install"):
            if parser.has_section(section):
                settings |= dict(parser.items(section))
    yield from (env.get("PIP_INDEX_URL") or settings.get("index-url", "")).split()
    yield from (env.get("PIP_EXTRA_INDEX_URL") or settings.get("extra-index-url", "")).split()


def _pip_files(env: Mapping[str, str]) -> list[Path]:
    """In pip's order: later ones win (pip's documentation, "Configuration Files")."""
    if env.get("PIP_CONFIG_FILE") == os.devnull:
        return []
    home = Path(env.get("HOME", "~")).expanduser()
    shared = [Path(folder) / "pip/pip.conf" for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":") if folder]
    users = [home / ".pip/pip.conf", Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip/pip.conf"]
    named = [Path(env["PIP_CONFIG_FILE"])] if env.get("PIP_CONFIG_FILE") else []
    return [*reversed(shared), Path("/etc/pip.conf"), *users, Path(sys.prefix) / "pip.conf", *named]


def _uv(env: Mapping[str, str]) -> Iterator[str]:
    file = _uv_file(env)
    yield from _named(env.get("UV_INDEX", "").split())
    yield from env.get("UV_EXTRA_INDEX_URL", "").split()
    yield from (str(index["url"]) for index in file.get("index", ()) if isinstance(index, dict) and "url" in index)
    yield from (str(url) for url in file.get("extra-index-url", ()))
    default = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL") or file.get("index-url")
    if default:
        yield from _named([str(default)])


def _uv_file(env: Mapping[str, str]) -> Mapping[str, Any]:
    home = Path(env.get("HOME", "~")).expanduser()
    users = Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "uv/uv.toml"
    for file in [Path(env["UV_CONFIG_FILE"])] if env.get("UV_CONFIG_FILE") else [users, Path("/etc/uv/uv.toml")]:
        try:
            return tomllib.loads(file.read_text())
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):  # uv itself will say so
            continue
    return {}


def _named(indexes: list[str]) -> Iterator[str]:
    """Uv writes an index as `name=url`, or as the URL alone."""
    for index in indexes:
        name, equals, url = index.partition("=")
        yield url if equals and "/" not in name else index


def _unique(urls: Iterator[str]) -> dict[str, None]:
    return dict.fromkeys(urls)
