"""All actors of the host: one for each plugin that anything is known of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from plughost.control.plan import Refusal, Status
from plughost.control.reconcile import Actor
from plughost.control.world import World
from plughost.ledger import Refused
from plughost.model.plugin import PluginName, Target

_FREED = ("mount-conflict", "native-conflict")
"""Refusals that end when another plugin gives something up."""


class Actors:
    """Makes actors on demand, wakes them, closes them all."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._actors: dict[str, Actor] = {}

    def open(self, names: Iterable[str], served: Mapping[str, tuple[Target, ...]], refused: Mapping[str, Refused]) -> None:
        """Start an actor for each plugin that the ledger knows."""
        for name in sorted({*names, *served, *refused}):
            history, refusals = served.get(name, ()), tuple(_refusal(row) for row in [refused.get(name)] if row)
            self._world.retain(name, [target.wheel.sha256 for target in history[:2] if target.wheel.sha256])
            self._begin(Actor(PluginName(name), self._world, self, served=history, refused=refusals))

    def get(self, name: PluginName) -> Actor:
        """The plugin's actor, made where there is none yet."""
        if (actor := self._actors.get(name)) is None:
            actor = self._begin(Actor(name, self._world, self))
        return actor

    def find(self, name: str) -> Actor | None:
        """The plugin's actor if it has one."""
        return self._actors.get(name)

    def all(self) -> tuple[Actor, ...]:
        """Every actor, by name."""
        return tuple(self._actors[name] for name in sorted(self._actors))

    def status(self, name: str) -> Status | None:
        """What is true of the plugin; None where nothing was ever asked of it."""
        actor = self._actors.get(name)
        return actor.status if actor else None

    def wake(self, names: Iterable[str]) -> None:
        """Their intents changed."""
        for name in names:
            self.get(PluginName(name)).wake()

    def freed(self, name: str) -> None:
        """A plugin stopped: those that were refused for what it held may try again."""
        for other in self._actors.values():
            if other.name != name:
                other.forgive(*_FREED)

    async def settled(self) -> None:
        """Wait until each plugin has served, failed or turned out not to be wanted."""
        await asyncio.gather(*(actor.settled.wait() for actor in self._actors.values()))

    async def cut(self) -> None:
        """End all visits now, as at the end of a drain."""
        generations = [generation for actor in self._actors.values() for generation in actor.generations]
        await asyncio.gather(*(generation.cut() for generation in generations))

    async def close(self) -> None:
        """Drain and stop everything, side by side."""
        await asyncio.gather(*(actor.close() for actor in self._actors.values()))

    def _begin(self, actor: Actor) -> Actor:
        self._actors[actor.name] = actor
        actor.start()
        return actor

    def claim(self, name: str, mount: str) -> None:
        """Raise MountConflict unless the plugin may have the mount."""
        taken = {place: plugin for plugin, place in self._world.rooms.registry.table.places.items()}
        self._world.intents.claim(name, mount, taken=taken, had=lambda plugin: self._had(plugin, mount))

    def _had(self, name: str, mount: str) -> bool:
        actor = self._actors.get(name)
        return bool(actor and actor.status.served and actor.status.served[0].mount == mount)


def _refusal(row: Refused) -> Refusal:
    return Refusal(target=row.target, error=row.error, attempts=row.attempts, next_try=row.next_try)
