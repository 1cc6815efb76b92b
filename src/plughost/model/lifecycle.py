"""The phases of one generation, as a table: `TRANSITIONS[phase][signal]` is the next phase, and nothing else is possible.

A phase belongs to a generation, not to a plugin: while version 2 is being proven, version 1 serves.

    obtaining → importing → starting → probing → serving → draining → stopping → retired
        └───────────┴───────────┴──────────┴──── failed          (a close that fails still ends in retired: the leak is named)
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from plughost.errors import HostFault


class Phase(StrEnum):
    """Where a generation is in its life."""

    OBTAINING = "obtaining"
    IMPORTING = "importing"
    STARTING = "starting"
    PROBING = "probing"
    SERVING = "serving"
    DRAINING = "draining"
    STOPPING = "stopping"
    RETIRED = "retired"
    FAILED = "failed"


class Signal(StrEnum):
    """What happened to it."""

    OBTAINED = "obtained"
    IMPORTED = "imported"
    STARTED = "started"
    PROVEN = "proven"
    RETIRE = "retire"
    DRAINED = "drained"
    STOPPED = "stopped"
    FAIL = "fail"


_FAILS = {Signal.FAIL: Phase.FAILED, Signal.RETIRE: Phase.STOPPING}
TRANSITIONS: Mapping[Phase, Mapping[Signal, Phase]] = {
    Phase.OBTAINING: {Signal.OBTAINED: Phase.IMPORTING, **_FAILS},
    Phase.IMPORTING: {Signal.IMPORTED: Phase.STARTING, **_FAILS},
    Phase.STARTING: {Signal.STARTED: Phase.PROBING, **_FAILS},
    Phase.PROBING: {Signal.PROVEN: Phase.SERVING, **_FAILS},
    Phase.SERVING: {Signal.RETIRE: Phase.DRAINING, Signal.FAIL: Phase.FAILED},
    Phase.DRAINING: {Signal.DRAINED: Phase.STOPPING, Signal.FAIL: Phase.FAILED},
    Phase.STOPPING: {Signal.STOPPED: Phase.RETIRED, Signal.FAIL: Phase.FAILED},
    Phase.RETIRED: {},
    Phase.FAILED: {},
}
LOADING = frozenset({Phase.IMPORTING, Phase.STARTING, Phase.PROBING})
ENDED = frozenset({Phase.RETIRED, Phase.FAILED})


def advance(phase: Phase, signal: Signal) -> Phase:
    """The next phase; raises HostFault where the table has none."""
    try:
        return TRANSITIONS[phase][signal]
    except KeyError:
        raise HostFault(f"a generation that is {phase} cannot be told {signal}") from None
