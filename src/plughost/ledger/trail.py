"""What happened: events for clients that come back, and the audit trail."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from sqlite3 import Connection

from plughost.ledger.rows import Audit, Bounds, StoredEvent, dump

KEPT = 10_000
"""How many events are remembered; audit rows are never dropped."""


def append_events(connection: Connection, events: Iterable[tuple[str, Mapping[str, object]]]) -> tuple[int, ...]:
    """Write events down and answer their ids; the oldest beyond the cap go."""
    ids: list[int] = []
    for kind, data in events:
        cursor = connection.execute("INSERT INTO events (kind, data) VALUES (?, ?)", (kind, dump(data)))
        ids.append(int(cursor.lastrowid or 0))
    if ids:
        connection.execute("DELETE FROM events WHERE id <= ?", (ids[-1] - KEPT,))
    return tuple(ids)


def events_after(connection: Connection, event: int, limit: int) -> tuple[StoredEvent, ...]:
    """The events that follow this id, oldest first."""
    rows = connection.execute("SELECT id, kind, data FROM events WHERE id > ? ORDER BY id LIMIT ?", (event, limit))
    return tuple(StoredEvent(id=number, kind=kind, data=json.loads(data)) for number, kind, data in rows)


def event_bounds(connection: Connection) -> Bounds:
    """The oldest and the newest id."""
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    first = connection.execute("SELECT min(id) FROM events").fetchone()[0]
    newest = last[0] if last else 0
    return Bounds(first=newest + 1 if first is None else first, last=newest)


def append_audit(connection: Connection, audit: Audit) -> None:
    """Write down who did what."""
    row = (audit.at, audit.by, audit.verb, audit.plugin, dump(audit.detail), audit.origin, audit.reason)
    connection.execute("INSERT INTO audit (at, by, verb, plugin, detail, origin, reason) VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def audit_page(connection: Connection, *, limit: int, before: int | None, plugin: str | None) -> tuple[Audit, ...]:
    """The newest audit rows that fit, older than the id `before`."""
    rows = connection.execute(
        """SELECT id, at, by, verb, plugin, detail, origin, reason FROM audit
           WHERE (:before IS NULL OR id < :before) AND (:plugin IS NULL OR plugin = :plugin)
           ORDER BY id DESC LIMIT :limit""",
        {"before": before, "plugin": plugin, "limit": limit},
    )
    return tuple(
        Audit(id=number, at=at, by=by, verb=verb, plugin=name, detail=json.loads(detail), origin=origin, reason=reason)
        for number, at, by, verb, name, detail, origin, reason in rows
    )
