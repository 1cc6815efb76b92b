"""The ledger's tables. A change is a new step at the end of STEPS, never an edit of one that was released.

Numbers that leave the ledger (generations, events, audit rows) are AUTOINCREMENT: deleted or not, none comes twice.
"""

from __future__ import annotations

_FIRST = """
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    etag   TEXT
) WITHOUT ROWID;

CREATE TABLE listed (
    source  TEXT NOT NULL REFERENCES sources ON DELETE CASCADE,
    plugin  TEXT NOT NULL,
    listing TEXT NOT NULL,
    PRIMARY KEY (source, plugin)
) WITHOUT ROWID;

CREATE TABLE overrides (
    plugin   TEXT PRIMARY KEY,
    override TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE served (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin TEXT NOT NULL,
    target TEXT NOT NULL
);
CREATE INDEX served_by_plugin ON served (plugin, number);

CREATE TABLE refused (
    plugin  TEXT PRIMARY KEY,
    refusal TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE operations (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    plugin    TEXT NOT NULL,
    state     TEXT NOT NULL,
    owner     TEXT NOT NULL,
    asked     TEXT NOT NULL,
    operation TEXT NOT NULL
);
CREATE INDEX operations_by_plugin ON operations (plugin, number);
CREATE INDEX operations_running ON operations (owner) WHERE state = 'running';

CREATE TABLE generations (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin    TEXT NOT NULL,
    operation TEXT NOT NULL,
    owner     TEXT NOT NULL,
    phase     TEXT NOT NULL,
    target    TEXT NOT NULL
);

CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     REAL NOT NULL,
    by     TEXT NOT NULL,
    verb   TEXT NOT NULL,
    plugin TEXT,
    detail TEXT NOT NULL,
    origin TEXT NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX audit_by_plugin ON audit (plugin, id);

CREATE TABLE tokens (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    hash    TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    expires REAL,
    used    REAL
);
"""

_REVOKED = """
CREATE TABLE revoked (
    source TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    reason TEXT NOT NULL,
    at     REAL NOT NULL,
    PRIMARY KEY (source, sha256)
) WITHOUT ROWID;
"""
"""Not below `sources`: what a source has revoked may be known before any list of it could be read."""

STEPS = (_FIRST, _REVOKED)
