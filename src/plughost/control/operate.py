"""The operator's verbs: what needs no I/O is refused at once, the rest becomes an operation whose turn comes.

An order's decision is made when its turn has come: the release is chosen then, and the override that holds it is written.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import unquote, urldefrag, urlsplit

from plughost.control.intents import Intents
from plughost.control.operations import Operations
from plughost.control.plan import Status
from plughost.control.reconcile import Actor, Decision, Order
from plughost.errors import (
    IntegrityMissing,
    IsolationUnavailable,
    NothingToRollBackTo,
    PlughostError,
    PluginUnknown,
    RequestInvalid,
)
from plughost.ledger import Ledger
from plughost.model.intent import Override, State
from plughost.model.operation import Operation, Verb
from plughost.model.plugin import Isolation, Listing, PluginName, Target, WheelFile, parse_mount, parse_name
from plughost.wheel import fragment_sha256, parse_filename, parse_integrity


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, from where, why."""

    by: str
    origin: str = ""
    reason: str = ""


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

    async def find(self, plugin: str, *, project: str | None, specifier: str) -> Listing:
        """The best release that a source has."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the verbs stand on."""

    intents: Intents
    operations: Operations
    ledger: Ledger
    catalog: Finder
    choose: Callable[[Listing], WheelFile]
    actor: Callable[[PluginName], Actor]
    status: Callable[[str], Status | None]
    """None where the plugin has no actor."""
    claim: Callable[[str, str], None]
    """(plugin, mount) → raises MountConflict unless it may have it."""
    check_url: Callable[[str, str], bool]
    """(URL, plugin) → whether a hash is required; raises OriginNotAllowed."""


class Operator:
    """Every verb of contract §4, as an operation that runs or already ran."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- verbs ---------------------------------------------------------------------------------------------------------

    async def install(self, asked: Install, caller: Caller) -> Operation:
        """Install a plugin, or change an installed one to what is asked now."""
        name = parse_name(asked.name)
        if asked.mount is not None:
            asked = replace(asked, mount=parse_mount(asked.mount))
            self._desk.claim(name, asked.mount or name)
        if asked.isolation == "process":
            raise IsolationUnavailable("process")
        given = self._given(name, asked)

        async def decide() -> Decision:
            return await self._install(name, asked, given, caller)

        return await self._order("install", name, caller, decide, asked, version=given.version if given else None)

    async def enable(self, name: str, caller: Caller) -> Operation:
        """Run what is listed, or what was installed before."""
        plugin = self._known(name)

        async def decide() -> Decision:
            held = self._held(plugin)
            if held is None and self._desk.intents.listing(plugin) is None:
                status = self._desk.status(plugin)
                held = status.served[0] if status and status.served else None
            if held is None and self._desk.intents.listing(plugin) is None:
                raise PluginUnknown(plugin)
            return Decision(override=self._override(plugin, "enabled", caller, held=held))

        return await self._order("enable", plugin, caller, decide)

    async def disable(self, name: str, caller: Caller) -> Operation:
        """Stop it and keep it installed."""
        plugin = self._known(name)

        async def decide() -> Decision:
            return Decision(override=self._override(plugin, "disabled", caller, held=self._held(plugin)))

        return await self._order("disable", plugin, caller, decide)

    async def upgrade(self, name: str, version: str, caller: Caller) -> Operation:
        """Go to the release asked for, up or down; without one, let go of a held version and take what is listed or newest."""
        plugin = self._known(name)

        async def decide() -> Decision:
            held = None
            if version or self._desk.intents.listing(plugin) is None:
                held = await self._find(plugin, Install(name=plugin, version=version))
            return Decision(override=self._override(plugin, "enabled", caller, held=held))

        return await self._order("upgrade", plugin, caller, decide, version)

    async def rollback(self, name: str, caller: Caller) -> Operation:
        """Go back to the release that served before this one; raises NothingToRollBackTo."""
        plugin = self._known(name)
        self._before(plugin)

        async def decide() -> Decision:
            return Decision(override=self._override(plugin, "enabled", caller, held=self._before(plugin)))

        return await self._order("rollback", plugin, caller, decide)

    async def reload(self, name: str, caller: Caller) -> Operation:
        """A new generation of the release that serves."""
        plugin = self._known(name)

        async def decide() -> Decision:
            return Decision(writes=False, again=True)

        return await self._order("reload", plugin, caller, decide)

    async def resume(self, name: str, caller: Caller) -> Operation:
        """Lift quarantine and back-off, and try again now."""
        plugin = self._known(name)

        async def decide() -> Decision:
            return Decision(writes=False)

        return await self._order("resume", plugin, caller, decide)

    async def uninstall(self, name: str, caller: Caller, *, purge: bool = False) -> Operation:
        """Stop it and forget it; what a source lists stays known, held back by an override."""
        plugin = self._known(name)

        async def decide() -> Decision:
            listed = self._desk.intents.listing(plugin) is not None
            absent = self._override(plugin, "absent", caller) if listed else None
            return Decision(override=absent, forget=True, purge=purge)

        return await self._order("uninstall", plugin, caller, decide, purge)

    async def follow(self, name: str, caller: Caller) -> Operation:
        """Let go of what an operator said; the list decides again."""
        plugin = self._known(name)

        async def decide() -> Decision:
            return Decision(override=None)

        return await self._order("follow", plugin, caller, decide)

    # --- choosing ------------------------------------------------------------------------------------------------------

    async def _install(self, name: PluginName, asked: Install, given: Target | None, caller: Caller) -> Decision:
        before = self._desk.intents.override(name)
        listed = self._desk.intents.listing(name)
        keeps = before is not None and before.state != "absent" and before.held is not None
        if given is not None:
            held: Target | None = given
        elif asked.version or asked.project or (listed is None and not keeps):
            held = await self._find(name, asked)
        else:
            held = self._held(name) if keeps else None
        state: State = "enabled" if asked.enable else "disabled"
        override = self._override(name, state, caller, held=held and _as_asked(held, asked))
        override = replace(
            override,
            mount=asked.mount or override.mount,
            isolation=asked.isolation or override.isolation,
            config=override.config if asked.config is None else _config(asked.config),
        )
        if asked.enable:
            return Decision(override=override)
        target = override.held or (listed and self._target(listed))
        return Decision(override=override, obtain=target)

    async def _find(self, name: PluginName, asked: Install) -> Target:
        project = asked.project or self._project(name)
        return self._target(await self._desk.catalog.find(name, project=project, specifier=asked.version))

    def _project(self, name: PluginName) -> str | None:
        held, listed = self._held(name), self._desk.intents.listing(name)
        return (held.project if held else None) or (listed.project if listed else None)

    def _target(self, listing: Listing) -> Target:
        before = self._desk.intents.override(listing.name)
        return Target(
            name=listing.name,
            version=listing.version,
            wheel=self._desk.choose(listing),
            entry=listing.entry,
            project=listing.project,
            mount=(before and before.mount) or listing.mount or listing.name,
            isolation=(before and before.isolation) or listing.isolation,
            config=(before and before.config) or "{}",
            index=listing.index,
            mutable=listing.mutable,
        )

    def _given(self, name: PluginName, asked: Install) -> Target | None:
        """The target of an install by URL; raises what needs no I/O to know."""
        if asked.url is None:
            return None
        url, _ = urldefrag(asked.url)
        required = self._desk.check_url(url, name)
        sha256 = _integrity(asked.integrity) if asked.integrity else fragment_sha256(asked.url)
        filename = unquote(urlsplit(url).path.rpartition("/")[2])
        if sha256 is None and required:
            raise IntegrityMissing(filename)
        before = self._desk.intents.override(name)
        return Target(
            name=name,
            version=parse_filename(filename).version,
            wheel=WheelFile(url=url, filename=filename, sha256=sha256),
            entry=asked.entry,
            project=asked.project,
            mount=asked.mount or (before and before.mount) or name,
            isolation=asked.isolation or "auto",
            config=_config(asked.config) if asked.config is not None else (before and before.config) or "{}",
        )

    def _before(self, name: PluginName) -> Target:
        status = self._desk.status(name)
        serving = status.serving.target if status and status.serving else None
        for served in status.served if status else ():
            if serving is None or not served.same_release(serving):
                return served
        raise NothingToRollBackTo(name)

    # --- overrides and orders ------------------------------------------------------------------------------------------

    def _held(self, name: PluginName) -> Target | None:
        override = self._desk.intents.override(name)
        return override.held if override else None

    def _override(self, name: PluginName, state: State, caller: Caller, *, held: Target | None = None) -> Override:
        before = self._desk.intents.override(name)
        return Override(
            name=name,
            state=state,
            held=held,
            mount=before.mount if before else None,
            isolation=before.isolation if before else None,
            config=before.config if before else None,
            by=caller.by,
            at=time.time(),
            reason=caller.reason,
        )

    def _known(self, name: str) -> PluginName:
        plugin = parse_name(name)
        if plugin not in self._desk.intents.names():
            raise PluginUnknown(plugin)
        return plugin

    async def _order(
        self, verb: Verb, name: PluginName, caller: Caller, decide: Callable[[], Awaitable[Decision]], *asked: object, version: str | None = None
    ) -> Operation:
        """Join the running operation that is equal, or begin one and put it into the plugin's queue."""
        key = f"{verb} {name} {asked!r}"
        if (running := self._desk.operations.joinable(key)) is not None:
            return running
        operation = self._desk.operations.begin(
            verb, name, key=key, by=caller.by, version=version, reason=caller.reason, origin=caller.origin
        )
        try:
            await self._desk.ledger.begin(operation, key)
        except PlughostError as error:
            self._desk.operations.ended(operation.id, error)
            self._desk.operations.close(operation.id)
            raise
        self._desk.actor(name).order(Order(operation=operation, decide=decide))
        return operation


def _as_asked(target: Target, asked: Install) -> Target:
    return replace(
        target,
        entry=asked.entry or target.entry,
        mount=asked.mount or target.mount,
        isolation=asked.isolation or target.isolation,
        config=target.config if asked.config is None else _config(asked.config),
    )


def _config(config: Mapping[str, object]) -> str:
    return json.dumps(config, sort_keys=True)


def _integrity(text: str) -> str:
    try:
        return parse_integrity(text)
    except ValueError as error:
        raise RequestInvalid(f"integrity {text!r} is not 'sha256-<base64>': {error}") from None
