"""Listens to what happens: one place that turns events into log records. It changes nothing."""

from __future__ import annotations

import logging

from plughost.model.event import Event, LeakFound, MountedEvent, OperationEnded, OperationProgress, PhaseChanged, SlotFailed
from plughost.model.owner import current

logger = logging.getLogger("plughost.events")
_QUIET = (OperationProgress, PhaseChanged)


def log(event: Event) -> None:
    """Write the event as one record: static text, fields in `extra`."""
    if isinstance(event, _QUIET):
        return
    level = logging.WARNING if _is_bad(event) else logging.INFO
    fields = {name: value for name in _names(event) if (value := getattr(event, name)) is not None}
    told = " ".join(f"{name}={value}" for name, value in fields.items())
    logger.log(level, "%s %s", event.kind, told, extra={"event": event.kind, **{f"event_{name}": value for name, value in fields.items()}})


def _is_bad(event: Event) -> bool:
    return isinstance(event, SlotFailed | LeakFound) or (isinstance(event, OperationEnded) and event.state == "failed")


def _names(event: Event) -> tuple[str, ...]:
    common = ("plugin", "version", "generation", "operation")
    if isinstance(event, MountedEvent):
        return (*common, "mount")
    return (*common, *type(event).__slots__)


class OwnerFilter(logging.Filter):
    """Says of each record whose code wrote it: `plugin`, `version` and `generation`, where it was a plugin's."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Never drops a record."""
        owner = current.get()
        if owner is not None and not hasattr(record, "plugin"):
            record.plugin, record.version, record.generation = owner.plugin, owner.version, owner.generation
        return True
