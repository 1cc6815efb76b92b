"""The index's tables, by version."""

from __future__ import annotations

STEPS = (
    """
    CREATE TABLE files (
        filename TEXT PRIMARY KEY,      -- for ever: a name that was used is never free again
        project TEXT NOT NULL,          -- normalised
        version TEXT NOT NULL,
        release TEXT NOT NULL,          -- the version without what makes no difference: 1.0.0 is 1
        sha256 TEXT NOT NULL,
        size INTEGER NOT NULL,
        uploaded REAL NOT NULL,
        uploader TEXT NOT NULL,
        requires_python TEXT,
        metadata_sha256 TEXT NOT NULL,
        summary TEXT NOT NULL,
        plugins TEXT NOT NULL,          -- JSON: plugin -> object reference
        yanked TEXT,                    -- the reason; NULL: not yanked
        metadata BLOB NOT NULL          -- last, so that rows are read without it
    );
    CREATE INDEX files_of_project ON files (project, release);
    CREATE TABLE plugins (name TEXT PRIMARY KEY, project TEXT NOT NULL);
    CREATE TABLE enabled (
        plugin TEXT PRIMARY KEY, specifier TEXT NOT NULL, version TEXT NOT NULL, by TEXT NOT NULL,
        at REAL NOT NULL, reason TEXT NOT NULL
    );
    CREATE TABLE tokens (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, actions TEXT NOT NULL, projects TEXT NOT NULL,
        created REAL NOT NULL, expires REAL, used REAL
    );
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, by TEXT NOT NULL, verb TEXT NOT NULL, subject TEXT NOT NULL,
        origin TEXT NOT NULL, reason TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE metadata (filename TEXT PRIMARY KEY, text BLOB NOT NULL);
    INSERT INTO metadata SELECT filename, metadata FROM files;
    ALTER TABLE files DROP COLUMN metadata;
    ALTER TABLE files ADD COLUMN quarantined TEXT;      -- the reason
    ALTER TABLE files ADD COLUMN removed REAL;          -- when
    CREATE INDEX files_of_sha256 ON files (sha256);
    CREATE TABLE revoked (sha256 TEXT PRIMARY KEY, reason TEXT NOT NULL, by TEXT NOT NULL, at REAL NOT NULL);
    """,
    """
    CREATE TABLE mirrored (project TEXT PRIMARY KEY, registry TEXT NOT NULL, etag TEXT NOT NULL, digest TEXT NOT NULL);
    CREATE TABLE offers (
        filename TEXT PRIMARY KEY,
        project TEXT NOT NULL,
        version TEXT NOT NULL,
        sha256 TEXT NOT NULL,
        url TEXT NOT NULL,
        size INTEGER,
        uploaded TEXT,                  -- RFC 3339
        requires_python TEXT,
        yanked TEXT,
        metadata_sha256 TEXT,
        place INTEGER NOT NULL          -- on its project's page
    );
    CREATE INDEX offers_of_project ON offers (project, place);
    CREATE INDEX offers_of_sha256 ON offers (sha256);
    CREATE INDEX offers_of_metadata ON offers (metadata_sha256);
    """,
)
