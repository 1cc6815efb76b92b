"""Which package registries this machine's pip and uv are configured for; read from the environment and their files, no network.

The URLs may carry credentials: they stay in memory and are never written or shown.
"""

from __future__ import annotations

import configparser
import os
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from plughost.errors import OriginNotAllowed
from plughost.net.rules import Origin

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Registries:
    """Index URLs in the order in which the tool asks them; empty: the tool's own default."""

    pip: tuple[str, ...]
    uv: tuple[str, ...]
    credentials: Mapping[Origin, tuple[str, str]]
    """User and password for each origin that was given some."""


def configured(environment: Environment | None = None) -> Registries:
    """What pip and uv would ask, by their environment variables and configuration files."""
    env = os.environ if environment is None else environment
    pip, indexes = tuple(dict.fromkeys(_pip(env))), tuple(_uv(env))
    credentials = [*_in_urls(pip), *_in_urls(url for _, url in indexes), *_in_variables(indexes, env)]
    return Registries(pip=pip, uv=tuple(dict.fromkeys(url for _, url in indexes)), credentials=dict(credentials))


# pip: https://pip.pypa.io/en/stable/topics/configuration/


def _pip(env: Environment) -> Iterator[str]:
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for file in _pip_files(env):
        for section, options in _ini(file).items():
            if section in sections:
                sections[section] |= {name.replace("_", "-").removeprefix("--"): value for name, value in options.items() if value}
    settings = sections["global"] | sections["install"]
    yield from (env.get("PIP_INDEX_URL") or settings.get("index-url", "")).split()
    yield from (env.get("PIP_EXTRA_INDEX_URL") or settings.get("extra-index-url", "")).split()


def _pip_files(env: Environment) -> list[Path]:
    """In pip's order: later ones win."""
    named = env.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = _home(env)
    if sys.platform == "darwin":
        support = "Library/Application Support/pip"
        everyone, own = [Path("/") / support], home / support
        own = own if own.is_dir() else home / ".config/pip"
    else:
        everyone, own = [*(folder / "pip" for folder in _everyone(env)), Path("/etc")], _own(env) / "pip"
    # A file that is named takes the place of the user's.
    users = [] if named and Path(named).exists() else [home / ".pip", own]
    folders = [*everyone, *users, Path(sys.prefix)]
    return [*(folder / "pip.conf" for folder in folders), *([Path(named)] if named else [])]


def _ini(file: Path) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(file, encoding="utf-8")
    except (OSError, configparser.Error, UnicodeDecodeError):  # pip itself will say so
        return {}
    return {section: dict(parser.items(section)) for section in parser.sections()}


# uv: https://docs.astral.sh/uv/concepts/configuration-files/ and /concepts/indexes/

Named = tuple[str, str]
"""An index of uv: its name, which may be empty, and its URL."""


def _uv(env: Environment) -> Iterator[Named]:
    files = [table for file in _uv_files(env) for table in _tables(file)]
    yield from map(_named, env.get("UV_INDEX", "").split())
    yield from map(_named, env.get("UV_EXTRA_INDEX_URL", "").split())
    for file in files:
        yield from (
            (str(index.get("name", "")), str(index["url"])) for index in _list(file, "index") if isinstance(index, dict) and "url" in index
        )
        yield from (("", str(url)) for url in _list(file, "extra-index-url"))
    default = env.get("UV_DEFAULT_INDEX") or env.get("UV_INDEX_URL")
    defaults = [default] if default else [str(file["index-url"]) for file in files if "index-url" in file]
    yield from map(_named, defaults)


def _uv_files(env: Environment) -> list[Path]:
    """Those of the user and of the system, which uv joins; earlier ones win."""
    if env.get("UV_CONFIG_FILE"):
        return [Path(env["UV_CONFIG_FILE"])]
    if env.get("UV_NO_CONFIG", "").lower() in {"1", "true", "yes", "on", "t", "y"}:
        return []
    everyone = [folder / "uv/uv.toml" for folder in _everyone(env)]
    return [_own(env) / "uv/uv.toml", *[file for file in [*everyone, Path("/etc/uv/uv.toml")] if file.is_file()][:1]]


def _tables(file: Path) -> Iterator[Mapping[str, Any]]:
    """The file's settings, and those that are for `uv pip` alone."""
    try:
        table = tomllib.loads(file.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):  # uv itself will say so
        return
    yield table
    if isinstance(pip := table.get("pip"), dict):
        yield pip


def _list(table: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = table.get(name, ())
    return found if isinstance(found, list) else ()


def _named(index: str) -> Named:
    """Uv writes an index as `name=url`, or as the URL alone."""
    name, equals, url = index.partition("=")
    return (name, url) if equals and re.fullmatch(r"[\w.-]+", name) else ("", index)


def _in_variables(indexes: Iterable[Named], env: Environment) -> Iterator[tuple[Origin, tuple[str, str]]]:
    """The credentials that uv takes for an index by its name."""
    for name, url in indexes:
        variable = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', name.upper())}"
        user, password = env.get(f"{variable}_USERNAME", ""), env.get(f"{variable}_PASSWORD", "")
        if name and (user or password):
            yield from ((origin, (user, password)) for origin in _origin(url))


# Both


def _in_urls(urls: Iterable[str]) -> Iterator[tuple[Origin, tuple[str, str]]]:
    for url in urls:
        user, _, password = urlsplit(url).netloc.rpartition("@")[0].partition(":")
        if user:
            yield from ((origin, (unquote(user), unquote(password))) for origin in _origin(url))


def _origin(url: str) -> Iterator[Origin]:
    """None for a folder, or for what only its own tool understands."""
    parts = urlsplit(url)
    try:
        yield Origin.of(parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl())
    except OriginNotAllowed:
        return


def _home(env: Environment) -> Path:
    return Path(env.get("HOME") or "~").expanduser()


def _own(env: Environment) -> Path:
    return Path(env.get("XDG_CONFIG_HOME") or _home(env) / ".config")


def _everyone(env: Environment) -> list[Path]:
    return [Path(folder) for folder in (env.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":") if folder]
