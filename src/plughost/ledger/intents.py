"""What decides what runs: the lists of sources, the overrides of operators, and which releases served or were refused."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection

from plughost.ledger import revoked
from plughost.ledger.rows import (
    Recorded,
    Refused,
    dump,
    load_listing,
    load_override,
    load_refused,
    load_target,
)
from plughost.model.intent import Override
from plughost.model.plugin import Listing, Target

KEPT = 5
"""How many releases of a plugin are remembered as served."""


def recorded(connection: Connection) -> Recorded:
    """All of it, as one transaction sees it."""
    sources = connection.execute("SELECT source, etag FROM sources").fetchall()
    lists: dict[str, dict[str, Listing]] = {source: {} for source, _ in sources}
    for source, plugin, listing in connection.execute("SELECT source, plugin, listing FROM listed"):
        lists[source][plugin] = load_listing(listing)
    served: dict[str, tuple[Target, ...]] = {}
    for plugin, target in connection.execute("SELECT plugin, target FROM served ORDER BY number DESC"):
        served[plugin] = (*served.get(plugin, ()), load_target(target))
    return Recorded(
        lists=lists,
        etags={source: etag for source, etag in sources if etag is not None},
        overrides={plugin: load_override(text) for plugin, text in connection.execute("SELECT plugin, override FROM overrides")},
        served=served,
        refused={plugin: load_refused(text) for plugin, text in connection.execute("SELECT plugin, refusal FROM refused")},
        revoked=revoked.recorded(connection),
    )


def set_list(connection: Connection, source: str, listings: Iterable[Listing], etag: str | None) -> None:
    """Replace what a source lists."""
    connection.execute("DELETE FROM sources WHERE source = ?", (source,))
    connection.execute("INSERT INTO sources VALUES (?, ?)", (source, etag))
    rows = ((source, listing.name, dump(listing)) for listing in listings)
    connection.executemany("INSERT INTO listed VALUES (?, ?, ?)", rows)


def drop_source(connection: Connection, source: str, now: float) -> None:
    """Forget a source: its list, and what it revoked."""
    connection.execute("DELETE FROM sources WHERE source = ?", (source,))
    revoked.set_revoked(connection, source, {}, now)


def put_override(connection: Connection, plugin: str, override: Override | None) -> None:
    """Set what an operator said, or let go of it."""
    if override is None:
        connection.execute("DELETE FROM overrides WHERE plugin = ?", (plugin,))
    else:
        connection.execute("REPLACE INTO overrides VALUES (?, ?)", (plugin, dump(override)))


def put_served(connection: Connection, target: Target) -> None:
    """Put a proven release first in its plugin's history; the same release stands there once, as it ran last."""
    rows = connection.execute("SELECT number, target FROM served WHERE plugin = ? ORDER BY number DESC", (target.name,)).fetchall()
    others = [number for number, text in rows if not load_target(text).same_release(target)]
    gone = {number for number, _ in rows} - set(others[: KEPT - 1])
    connection.executemany("DELETE FROM served WHERE number = ?", [(number,) for number in gone])
    connection.execute("INSERT INTO served (plugin, target) VALUES (?, ?)", (target.name, dump(target)))


def put_refused(connection: Connection, plugin: str, refused: Refused | None) -> None:
    """Set why the plugin's release cannot run, or forget that."""
    if refused is None:
        connection.execute("DELETE FROM refused WHERE plugin = ?", (plugin,))
    else:
        connection.execute("REPLACE INTO refused VALUES (?, ?)", (plugin, dump(refused)))


def forget(connection: Connection, plugin: str) -> None:
    """Forget which releases of a plugin served or were refused."""
    connection.execute("DELETE FROM served WHERE plugin = ?", (plugin,))
    put_refused(connection, plugin, None)


def has_served(connection: Connection, target: Target) -> bool:
    """Whether this release is in its plugin's history."""
    rows = connection.execute("SELECT target FROM served WHERE plugin = ?", (target.name,))
    return any(load_target(text).same_release(target) for (text,) in rows)


def attempts(connection: Connection, target: Target) -> int:
    """How often this release was refused so far."""
    row = connection.execute("SELECT refusal FROM refused WHERE plugin = ?", (target.name,)).fetchone()
    before = load_refused(row[0]) if row else None
    return before.attempts if before and before.target.same_release(target) else 0
