"""Which release an operator means: by a specifier, by a URL, or the one that served before."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote, urldefrag, urlsplit

from plughost.control.intents import Intents
from plughost.control.plan import Status
from plughost.errors import IntegrityMissing, NothingToRollBackTo, RequestInvalid
from plughost.model.plugin import Isolation, Listing, PluginName, Target, WheelFile
from plughost.wheel import fragment_sha256, parse_filename, parse_integrity


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """What an operator asks of `install`; None leaves a thing as it is or as the source says."""

    name: str
    version: str = ""
    """A specifier; a bare version means ==."""
    url: str | None = None
    entry: str | None = None
    integrity: str | None = None
    project: str | None = None
    isolation: Isolation | None = None
    mount: str | None = None
    config: Mapping[str, object] | None = None
    enable: bool = True


class Finder(Protocol):
    """Answers installs by name (catalog.compose)."""

    async def find(self, plugin: PluginName, *, project: str | None, specifier: str | None) -> Listing:
        """The best release that a source has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chooser:
    """Chooses releases; only `find` waits."""

    intents: Intents
    catalog: Finder
    choose: Callable[[Listing], WheelFile]
    """The wheel of a listing that fits this machine best."""
    check_url: Callable[[str, str], bool]
    """(URL, plugin) → whether a hash is required; raises OriginNotAllowed."""

    async def find(self, name: PluginName, asked: Install) -> Target:
        """The best release that a source has; raises PluginUnknown, ProjectUnknown, ReleaseUnknown or a CatalogError."""
        held, listed = self.held(name), self.intents.listing(name)
        known = (held.project or _project(held.wheel)) if held else (listed.project or _project(listed.wheels[0])) if listed else None
        project = asked.project or known
        return self.target(await self.catalog.find(name, project=project, specifier=asked.version or None))

    def target(self, listing: Listing) -> Target:
        """A listing as it would run, under what operators said of mount, isolation and config."""
        before = self.intents.override(listing.name)
        return Target(
            name=listing.name,
            version=listing.version,
            wheel=self.choose(listing),
            entry=listing.entry,
            project=listing.project,
            mount=(before and before.mount) or listing.mount or listing.name,
            isolation=(before and before.isolation) or listing.isolation,
            config=(before and before.config) or "{}",
            index=listing.index,
            mutable=listing.mutable,
        )

    def given(self, name: PluginName, asked: Install) -> Target | None:
        """The target of an install by URL; raises what can be known without asking anyone."""
        if asked.url is None:
            return None
        url, _ = urldefrag(asked.url)
        required = self.check_url(url, name)
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        version = parse_filename(filename).version
        sha256 = _sha256(asked)
        if sha256 is None and required:
            raise IntegrityMissing(filename)
        before = self.intents.override(name)
        target = Target(
            name=name,
            version=version,
            wheel=WheelFile(url=url, filename=filename, sha256=sha256),
            project=asked.project,
            mount=(before and before.mount) or name,
            config=(before and before.config) or "{}",
        )
        return as_asked(target, asked)

    def before(self, name: PluginName, status: Status | None) -> Target:
        """The release that served before the one that serves; raises NothingToRollBackTo."""
        serving = status.serving.target if status and status.serving else None
        for served in status.served if status else ():
            if serving is None or not served.same_release(serving):
                return served
        raise NothingToRollBackTo(name)

    def held(self, name: PluginName) -> Target | None:
        """The release that an operator holds the plugin at."""
        override = self.intents.override(name)
        return override.held if override else None


def as_asked(target: Target, asked: Install) -> Target:
    """The target with what the operator said outright."""
    return replace(
        target,
        entry=asked.entry or target.entry,
        mount=asked.mount or target.mount,
        isolation=asked.isolation or target.isolation,
        config=target.config if asked.config is None else config_text(asked.config),
    )


def config_text(config: Mapping[str, object]) -> str:
    """A config as the text that targets compare."""
    return json.dumps(config, sort_keys=True)


def _project(wheel: WheelFile) -> str:
    return parse_filename(wheel.filename).project


def _sha256(asked: Install) -> str | None:
    try:
        return fragment_sha256(asked.url or "") if asked.integrity is None else parse_integrity(asked.integrity)
    except ValueError as error:
        raise RequestInvalid(f"the hash asked for is neither 'sha256-<base64>' nor '#sha256=<hex>': {error}") from None
