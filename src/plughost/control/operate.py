"""The operator's verbs: what needs no I/O is refused at once, the rest becomes an operation whose turn comes.

An order's decision is made when its turn has come: the release is chosen then, and the override that holds it is written.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from plughost.control.choose import Chooser, Install, as_asked, config_text
from plughost.control.intents import Intents
from plughost.control.operations import Operations
from plughost.control.plan import Status
from plughost.control.reconcile import Actor
from plughost.control.world import Decision, Order
from plughost.errors import IsolationUnavailable, PlughostError, PluginUnknown, RequestInvalid
from plughost.ledger import Ledger
from plughost.model.intent import Override, State
from plughost.model.operation import Operation, Verb
from plughost.model.plugin import PluginName, Target, parse_entry, parse_mount, parse_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, from where, why."""

    by: str
    origin: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the verbs stand on."""

    intents: Intents
    operations: Operations
    ledger: Ledger
    chooser: Chooser
    actor: Callable[[PluginName], Actor]
    status: Callable[[str], Status | None]
    """None where the plugin has no actor."""
    claim: Callable[[str, str], None]
    """(plugin, mount) → raises MountConflict unless it may have it."""


class Operator:
    """Every verb of contract §4; each answers the operation, which runs or, where an equal one runs already, is that one."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chooser = desk, desk.chooser

    async def install(self, asked: Install, caller: Caller) -> Operation:
        """Install a plugin, or change an installed one to what is asked now."""
        name = parse_name(asked.name)
        if asked.entry is not None:
            asked = replace(asked, entry=parse_entry(asked.entry))
        if asked.mount is not None:
            asked = replace(asked, mount=parse_mount(asked.mount))
            self._desk.claim(name, asked.mount or name)
        if asked.integrity is not None and asked.url is None:
            raise RequestInvalid("integrity goes with url; the hash of what is installed by name is the source's to say")
        if asked.isolation == "process":
            raise IsolationUnavailable("process")
        given = self._chooser.given(name, asked)

        async def decide() -> Decision:
            return await self._installed(name, asked, given, caller)

        return await self._order("install", name, caller, decide, asked, version=given.version if given else None)

    async def enable(self, name: str, caller: Caller) -> Operation:
        """Run what is listed, or what was installed before."""
        plugin = self._known(name)

        async def decide() -> Decision:
            held = self._chooser.held(plugin)
            if held is None and self._desk.intents.listing(plugin) is None:
                held = self._last_served(plugin)
            return Decision(override=self._override(plugin, "enabled", caller, held=held))

        return await self._order("enable", plugin, caller, decide)

    async def disable(self, name: str, caller: Caller) -> Operation:
        """Stop it and keep it installed."""
        plugin = self._known(name)

        async def decide() -> Decision:
            return Decision(override=self._override(plugin, "disabled", caller, held=self._chooser.held(plugin)))

        return await self._order("disable", plugin, caller, decide)

    async def upgrade(self, name: str, version: str, caller: Caller) -> Operation:
        """Go to the release asked for, up or down; without one, let go of a held version and take what is listed or newest."""
        plugin = self._known(name)

        async def decide() -> Decision:
            held = None
            if version or self._desk.intents.listing(plugin) is None:
                held = await self._chooser.find(plugin, Install(name=plugin, version=version))
            return Decision(override=self._override(plugin, "enabled", caller, held=held))

        return await self._order("upgrade", plugin, caller, decide, version)

    async def rollback(self, name: str, caller: Caller) -> Operation:
        """Go back to the release that served before this one; raises NothingToRollBackTo."""
        plugin = self._known(name)
        self._chooser.before(plugin, self._desk.status(plugin))

        async def decide() -> Decision:
            held = self._chooser.before(plugin, self._desk.status(plugin))
            return Decision(override=self._override(plugin, "enabled", caller, held=held))

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

    async def _installed(self, name: PluginName, asked: Install, given: Target | None, caller: Caller) -> Decision:
        before, listed = self._desk.intents.override(name), self._desk.intents.listing(name)
        keeps = before.held if before and before.state != "absent" else None
        held = given or keeps
        if given is None and (asked.version or asked.project or (listed is None and keeps is None)):
            held = await self._chooser.find(name, asked)
        elif held is None and asked.entry and listed:
            held = self._chooser.target(listed)  # the list says another entry
        override = replace(
            self._override(name, "enabled" if asked.enable else "disabled", caller, held=held and as_asked(held, asked)),
            mount=asked.mount or (before.mount if before else None),
            isolation=asked.isolation or (before.isolation if before else None),
            config=(before.config if before else None) if asked.config is None else config_text(asked.config),
        )
        if asked.enable:
            return Decision(override=override)
        return Decision(override=override, obtain=override.held or (as_asked(self._chooser.target(listed), asked) if listed else None))

    def _last_served(self, name: PluginName) -> Target:
        status = self._desk.status(name)
        if status is None or not status.served:
            raise PluginUnknown(name)
        return status.served[0]

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
        self,
        verb: Verb,
        name: PluginName,
        caller: Caller,
        decide: Callable[[], Awaitable[Decision]],
        *asked: object,
        version: str | None = None,
    ) -> Operation:
        """Join the running operation that is equal, or begin one and put it into the plugin's queue."""
        operations, key = self._desk.operations, f"{verb} {name} {asked!r}"
        if (running := operations.joinable(name, key)) is not None:
            return running
        operation = operations.begin(verb, name, key=key, by=caller.by, version=version, reason=caller.reason, origin=caller.origin)
        try:
            await self._desk.ledger.begin(operation, key)
        except PlughostError as error:
            operations.ended(operation.id, error)
            operations.close(operation.id)
            raise
        self._desk.actor(name).order(Order(operation=operation, decide=decide))
        return operation
