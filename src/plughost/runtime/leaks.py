"""What stopped generations left alive: watched from the moment they stop, told of when there was time to let it go.

A connection that is kept alive holds the scope of its last request, and with it the plugin's app; a slow thread holds its stack.
So what is alive right after a stop proves nothing, and is looked at again.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from plughost.model.event import Emit, LeakFound
from plughost.model.owner import Owner
from plughost.scope import Scope, Watch

PATIENCE = 60.0
"""Seconds after its stop until what is alive of a generation counts as leaked."""
WATCHED = 64
"""So many generations are watched at once; the oldest one is let go for a new one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stopped:
    owner: Owner
    watch: Watch
    until: float


class Leaks:
    """Watches generations from their stop until nothing of them is alive, or until that has been told."""

    def __init__(self, emit: Emit, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._emit, self._patience, self._clock = emit, patience, clock
        self._stopped: deque[_Stopped] = deque(maxlen=WATCHED)

    def watch(self, owner: Owner, scope: Scope) -> None:
        """Watch a generation whose scope is about to be closed; from any thread."""
        self._stopped.append(_Stopped(owner=owner, watch=Watch(scope), until=self._clock() + self._patience))

    async def tell(self) -> bool:
        """Emit LeakFound for what is alive and had its time; whether something is alive that still has some.

        To be asked after garbage has been collected; it is collected once more where that may help.
        """
        suspects = [stopped for stopped in self._taken() if stopped.watch.is_alive()]
        if suspects:
            gc.collect()  # pydantic keeps generic models under weak references whose keys are strong
        alive = [stopped for stopped in suspects if stopped.watch.is_alive()]
        waiting = [stopped for stopped in alive if self._clock() < stopped.until]
        self._stopped.extend(waiting)
        for stopped in alive:
            if stopped not in waiting:
                await self._tell(stopped)
        return bool(waiting)

    def _taken(self) -> list[_Stopped]:
        return [self._stopped.popleft() for _ in range(len(self._stopped))]

    async def _tell(self, stopped: _Stopped) -> None:
        owner, tasks = stopped.owner, stopped.watch.tasks()
        for what in (*tasks, *await asyncio.to_thread(stopped.watch.survivors)):
            self._emit(LeakFound(plugin=owner.plugin, version=owner.version, generation=owner.generation, what=what))
