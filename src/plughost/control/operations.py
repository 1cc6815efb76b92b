"""Operations that are running: their progress, who joined them, who waits for their end.

An ended one is the ledger's; this room knows nothing of plugins but their names.
"""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from plughost.errors import describe
from plughost.model.event import Emit, OperationEnded, OperationProgress
from plughost.model.operation import Operation, Step, Verb

TICK = 0.1
"""Seconds between two events that tell how far an operation is; what is over sooner is told by its end."""


@dataclass(slots=True, eq=False)
class Live:
    """One running operation, and the key by which equal requests join it."""

    operation: Operation
    key: str
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    told: float = 0.0


class Operations:
    """The running operations of this process."""

    def __init__(self, emit: Emit, *, clock: Callable[[], float] = time.time) -> None:
        self._emit, self._clock = emit, clock
        self._live: dict[str, Live] = {}
        self._newest: dict[str, Live] = {}
        """Plugin → what was asked of it last."""

    def __len__(self) -> int:
        return len(self._live)

    def joinable(self, plugin: str, key: str) -> Operation | None:
        """The running operation that an equal request joins: the plugin's newest, since what is asked last has to hold."""
        live = self._newest.get(plugin)
        return live.operation if live and live.key == key and live.operation.state == "running" else None

    def begin(
        self, verb: Verb, plugin: str, *, key: str, by: str, version: str | None = None, reason: str = "", origin: str = ""
    ) -> Operation:
        """A new running operation, known at once to whoever asks for its key."""
        now = self._clock()
        operation = Operation(
            id=f"{int(now * 1000):011x}{secrets.token_hex(5)}",
            verb=verb,
            plugin=plugin,
            version=version,
            by=by,
            reason=reason,
            origin=origin,
            steps=(Step(name="waiting", started=now),),
            started=now,
        )
        self._live[operation.id] = self._newest[plugin] = Live(operation, key)
        return operation

    def get(self, identifier: str) -> Operation | None:
        """The running operation of this id; None where it has ended or never was here."""
        live = self._live.get(identifier)
        return live.operation if live else None

    def running(self) -> tuple[Operation, ...]:
        """All of them, newest first."""
        return tuple(live.operation for live in sorted(self._live.values(), key=lambda live: live.operation.id, reverse=True))

    def name_version(self, identifier: str, version: str) -> None:
        """The release was chosen."""
        if live := self._live.get(identifier):
            live.operation = dataclasses.replace(live.operation, version=version)

    def note(self, identifier: str, text: str) -> None:
        """Say something about what was done, once."""
        live = self._live.get(identifier)
        if live and text not in live.operation.notes:
            live.operation = dataclasses.replace(live.operation, notes=(*live.operation.notes, text))

    def report(self, identifier: str, phase: str, done: int | None = None, total: int | None = None) -> None:
        """The operation entered a phase, or moved on in it (bytes)."""
        live = self._live.get(identifier)
        if live is None:
            return
        now = self._clock()
        live.operation = dataclasses.replace(live.operation, steps=_stepped(live.operation.steps, phase, now, done, total))
        if now - live.told >= TICK:
            live.told = now
            operation = live.operation
            self._emit(
                OperationProgress(
                    plugin=operation.plugin, version=operation.version, operation=identifier, phase=phase, bytes=done, total=total
                )
            )

    def ended(self, identifier: str, error: BaseException | None = None) -> Operation:
        """The operation's last value; the caller puts it into the ledger, then calls `close`."""
        live = self._live[identifier]
        now = self._clock()
        live.operation = dataclasses.replace(
            live.operation,
            state="failed" if error else "succeeded",
            steps=_closed(live.operation.steps, now),
            error=describe(error) if error else None,
            ended=now,
        )
        return live.operation

    def close(self, identifier: str) -> None:
        """Tell everyone who waits that it has ended."""
        live = self._live.pop(identifier)
        if self._newest.get(live.operation.plugin) is live:
            del self._newest[live.operation.plugin]
        live.ended.set()
        operation = live.operation
        said = operation.error or {}
        self._emit(
            OperationEnded(
                plugin=operation.plugin,
                version=operation.version,
                operation=identifier,
                verb=operation.verb,
                state=operation.state,
                code=str(said["code"]) if said else None,
                detail=str(said["detail"]) if said else None,
            )
        )

    async def wait(self, identifier: str, seconds: float) -> Operation | None:
        """The operation at its end, or as it is after so many seconds; None where it does not run here."""
        live = self._live.get(identifier)
        if live is None:
            return None
        try:
            async with asyncio.timeout(seconds):
                await live.ended.wait()
        except TimeoutError:
            pass
        return live.operation


def _stepped(steps: tuple[Step, ...], phase: str, now: float, done: int | None, total: int | None) -> tuple[Step, ...]:
    if steps and steps[-1].name == phase:
        last = dataclasses.replace(steps[-1], bytes=steps[-1].bytes if done is None else done, total=total or steps[-1].total)
        return (*steps[:-1], last)
    return (*_closed(steps, now), Step(name=phase, started=now, bytes=done, total=total))


def _closed(steps: tuple[Step, ...], now: float) -> tuple[Step, ...]:
    if not steps or steps[-1].seconds is not None:
        return steps
    return (*steps[:-1], dataclasses.replace(steps[-1], seconds=round(now - steps[-1].started, 6)))
