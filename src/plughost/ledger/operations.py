"""What is under way: operations and generations, each with the process that owns it, so that a dead one's can be ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from sqlite3 import Connection

from plughost.errors import ImportCrashed, Interrupted, OperationUnknown, describe
from plughost.ledger import intents
from plughost.ledger.rows import Reaped, Refused, dump, load_operation, load_target
from plughost.model.lifecycle import ENDED, LOADING, Phase
from plughost.model.operation import Operation
from plughost.model.plugin import Target

KEPT = 10_000
"""How many operations are remembered, running ones apart."""


def begin(connection: Connection, operation: Operation, key: str, owner: str) -> None:
    """Write down that an operation of this owner runs, and what was asked."""
    row = (operation.id, operation.plugin, operation.state, owner, key, dump(operation))
    connection.execute("INSERT INTO operations (id, plugin, state, owner, asked, operation) VALUES (?, ?, ?, ?, ?, ?)", row)


def end(connection: Connection, operation: Operation) -> None:
    """Write down how an operation ended, and let the oldest ended ones go."""
    row = (operation.state, dump(operation), operation.id)
    connection.execute("UPDATE operations SET state = ?, operation = ? WHERE id = ?", row)
    newest = connection.execute("SELECT max(number) FROM operations").fetchone()[0] or 0
    connection.execute("DELETE FROM operations WHERE number <= ? AND state <> 'running'", (newest - KEPT,))


def one(connection: Connection, operation: str) -> Operation:
    """The operation of this id; raises OperationUnknown."""
    row = connection.execute("SELECT operation FROM operations WHERE id = ?", (operation,)).fetchone()
    if row is None:
        raise OperationUnknown(operation)
    return load_operation(row[0])


def page(connection: Connection, *, limit: int, before: str | None, plugin: str | None, state: str | None) -> tuple[Operation, ...]:
    """The newest operations that fit, older than the one with the id `before`."""
    rows = connection.execute(
        """SELECT operation FROM operations
           WHERE (:before IS NULL OR number < (SELECT number FROM operations WHERE id = :before))
             AND (:plugin IS NULL OR plugin = :plugin) AND (:state IS NULL OR state = :state)
           ORDER BY number DESC LIMIT :limit""",
        {"before": before, "plugin": plugin, "state": state, "limit": limit},
    )
    return tuple(load_operation(text) for (text,) in rows)


def new_generation(connection: Connection, target: Target, operation: str, owner: str) -> int:
    """A number that no generation ever had, its row written before anything of the release runs."""
    row = (target.name, operation, owner, Phase.OBTAINING, dump(target))
    cursor = connection.execute("INSERT INTO generations (plugin, operation, owner, phase, target) VALUES (?, ?, ?, ?, ?)", row)
    return int(cursor.lastrowid or 0)


def set_phase(connection: Connection, number: int, phase: Phase) -> None:
    """Move a generation on; the row of one that has ended goes, so that what is left did not end."""
    if phase in ENDED:
        connection.execute("DELETE FROM generations WHERE number = ?", (number,))
    else:
        connection.execute("UPDATE generations SET phase = ? WHERE number = ?", (phase, number))


def reap(connection: Connection, *, alive: Callable[[str], bool], now: float) -> Reaped:
    """End what dead owners left open: their operations as interrupted, the releases they were loading as refused."""
    operations: list[Operation] = []
    crashed: list[Target] = []
    for owner in [owner for owner in _owners(connection) if not alive(owner)]:
        operations += _interrupt(connection, owner, now)
        crashed += _blame(connection, owner, now)
    return Reaped(operations=tuple(operations), crashed=tuple(crashed))


def _owners(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT owner FROM operations WHERE state = 'running' UNION SELECT owner FROM generations")
    return [owner for (owner,) in rows]


def _interrupt(connection: Connection, owner: str, now: float) -> list[Operation]:
    rows = connection.execute("SELECT operation FROM operations WHERE state = 'running' AND owner = ? ORDER BY number", (owner,))
    error = describe(Interrupted())
    ended = [replace(load_operation(text), state="failed", error=error, ended=now) for (text,) in rows.fetchall()]
    for operation in ended:
        end(connection, operation)
    return ended


def _blame(connection: Connection, owner: str, now: float) -> list[Target]:
    rows = connection.execute("SELECT phase, target FROM generations WHERE owner = ? ORDER BY number", (owner,)).fetchall()
    crashed = [load_target(text) for phase, text in rows if phase in LOADING]
    for target in crashed:
        intents.put_refused(connection, target.name, _refused(connection, target, now))
    connection.execute("DELETE FROM generations WHERE owner = ?", (owner,))
    return crashed


def _refused(connection: Connection, target: Target, now: float) -> Refused:
    """Not started again by itself; but a release that has served here gets one more try at once.

    A process that is killed from outside during its start dies while it loads all that it served before, and must serve
    it again; if the same release is under way at the next death too, it is to blame.
    """
    tried = intents.attempts(connection, target) + 1
    again = now if tried == 1 and intents.has_served(connection, target) else None
    return Refused(target=target, error=describe(ImportCrashed(str(target))), attempts=tried, next_try=again, at=now)
