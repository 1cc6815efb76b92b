"""What sources have revoked, each for itself; what is new or lifted is an audit row of the same transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from sqlite3 import Connection

from plughost.ledger.rows import Audit
from plughost.ledger.trail import append_audit
from plughost.model.revocation import Reasons


def recorded(connection: Connection) -> Mapping[str, Reasons]:
    """Source → sha256 → reason; a source that has revoked nothing is not there."""
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for source, sha256, reason in connection.execute("SELECT source, sha256, reason FROM revoked"):
        found[source][sha256] = reason
    return found


def set_revoked(connection: Connection, source: str, revoked: Reasons, now: float) -> None:
    """Replace what a source has revoked."""
    before = dict(connection.execute("SELECT sha256, reason FROM revoked WHERE source = ?", (source,)))
    new = {sha256: reason for sha256, reason in revoked.items() if sha256 not in before}
    lifted = {sha256: reason for sha256, reason in before.items() if sha256 not in revoked}
    connection.executemany("DELETE FROM revoked WHERE source = ? AND sha256 = ?", [(source, sha256) for sha256 in lifted])
    connection.executemany("INSERT INTO revoked VALUES (?, ?, ?, ?)", [(source, sha256, reason, now) for sha256, reason in new.items()])
    changed = [(reason, source, sha256) for sha256, reason in revoked.items() if before.get(sha256, reason) != reason]
    connection.executemany("UPDATE revoked SET reason = ? WHERE source = ? AND sha256 = ?", changed)
    for verb, rows in (("revoke", new), ("unrevoke", lifted)):
        _audit(connection, source, verb, rows, now)


def _audit(connection: Connection, source: str, verb: str, rows: Reasons, now: float) -> None:
    """One row for each reason: an incident is seldom about one file."""
    by_reason: defaultdict[str, list[str]] = defaultdict(list)
    for sha256, reason in rows.items():
        by_reason[reason].append(sha256)
    for reason, digests in by_reason.items():
        append_audit(connection, Audit(at=now, by=f"list:{source}", verb=verb, detail={"digests": sorted(digests)}, reason=reason))
