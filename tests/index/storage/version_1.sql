CREATE TABLE files (
    filename TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    version TEXT NOT NULL,
    release TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    size INTEGER NOT NULL,
    uploaded REAL NOT NULL,
    uploader TEXT NOT NULL,
    requires_python TEXT,
    metadata_sha256 TEXT NOT NULL,
    summary TEXT NOT NULL,
    plugins TEXT NOT NULL,
    yanked TEXT,
    metadata BLOB NOT NULL
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
INSERT INTO files VALUES('acme_chat-1.0.0-py3-none-any.whl','acme-chat','1.0.0','1','aaaa',10,1700000000.5,'ci','>=3.11','bbbb','Chat','{"chat": "acme_chat:plugin"}',NULL,x'4e616d653a2061636d652d63686174');
INSERT INTO files VALUES('acme_chat-0.9-py3-none-any.whl','acme-chat','0.9','0.9','cccc',11,1690000000.0,'ada',NULL,'dddd','','{}','too slow',x'4e616d65');
INSERT INTO plugins VALUES('chat','acme-chat');
INSERT INTO enabled VALUES('chat','>=1','1.0.0','ada',1700000001.0,'ready');
INSERT INTO tokens VALUES('one','CI','hash of one','["upload"]','["acme-*"]',1690000000.0,NULL,1700000002.0);
INSERT INTO audit VALUES(7,1700000000.5,'ci','upload','acme_chat-1.0.0-py3-none-any.whl','192.0.2.1','');
