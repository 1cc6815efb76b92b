BEGIN TRANSACTION;
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
INSERT INTO "audit" VALUES(1,1700000002.0,'ada','upgrade','chat','{"operation":"op-1"}','127.0.0.1','1.2.0 is slow');
CREATE TABLE events (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);
INSERT INTO "events" VALUES(1,'plugin.mounted','{"plugin":"chat","version":"1.1.0","mount":"chat"}');
CREATE TABLE generations (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin    TEXT NOT NULL,
    operation TEXT NOT NULL,
    owner     TEXT NOT NULL,
    phase     TEXT NOT NULL,
    target    TEXT NOT NULL
);
INSERT INTO "generations" VALUES(1,'chat','op-2','one','importing','{"name":"chat","version":"1.2.0","wheel":{"url":"https://plugins.example.com/files/acme_chat-1.2.0-py3-none-any.whl","filename":"acme_chat-1.2.0-py3-none-any.whl","sha256":"1201201201201201201201201201201201201201201201201201201201201201"},"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":"chat","isolation":"auto","config":"{\"rooms\": 3}","index":"https://plugins.example.com/simple/","mutable":false}');
CREATE TABLE listed (
    source  TEXT NOT NULL REFERENCES sources ON DELETE CASCADE,
    plugin  TEXT NOT NULL,
    listing TEXT NOT NULL,
    PRIMARY KEY (source, plugin)
) WITHOUT ROWID;
INSERT INTO "listed" VALUES('https://plugins.example.com','chat','{"name":"chat","version":"1.2.0","wheels":[{"url":"https://plugins.example.com/files/acme_chat-1.2.0-py3-none-any.whl","filename":"acme_chat-1.2.0-py3-none-any.whl","sha256":"1201201201201201201201201201201201201201201201201201201201201201"}],"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":null,"isolation":"auto","source":"https://plugins.example.com","index":"https://plugins.example.com/simple/","mutable":false}');
CREATE TABLE operations (
    number    INTEGER PRIMARY KEY AUTOINCREMENT,
    id        TEXT NOT NULL UNIQUE,
    plugin    TEXT NOT NULL,
    state     TEXT NOT NULL,
    owner     TEXT NOT NULL,
    asked     TEXT NOT NULL,
    operation TEXT NOT NULL
);
INSERT INTO "operations" VALUES(1,'op-1','chat','succeeded','one','upgrade chat','{"id":"op-1","verb":"upgrade","plugin":"chat","version":"1.2.0","by":"ada","reason":"","state":"succeeded","steps":[{"name":"fetch","started":1700000000.0,"seconds":0.5,"bytes":10,"total":10}],"error":null,"notes":["left out x.pth"],"started":1700000000.0,"ended":1700000002.0,"origin":"127.0.0.1"}');
INSERT INTO "operations" VALUES(2,'op-2','chat','running','one','upgrade chat 1.2.0','{"id":"op-2","verb":"upgrade","plugin":"chat","version":"1.2.0","by":"ada","reason":"","state":"running","steps":[{"name":"fetch","started":1700000000.0,"seconds":0.5,"bytes":10,"total":10}],"error":null,"notes":["left out x.pth"],"started":1700000000.0,"ended":null,"origin":"127.0.0.1"}');
CREATE TABLE overrides (
    plugin   TEXT PRIMARY KEY,
    override TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "overrides" VALUES('chat','{"name":"chat","state":"enabled","held":{"name":"chat","version":"1.1.0","wheel":{"url":"https://plugins.example.com/files/acme_chat-1.1.0-py3-none-any.whl","filename":"acme_chat-1.1.0-py3-none-any.whl","sha256":"1101101101101101101101101101101101101101101101101101101101101101"},"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":"chat","isolation":"auto","config":"{\"rooms\": 3}","index":"https://plugins.example.com/simple/","mutable":false},"mount":null,"isolation":null,"config":null,"by":"ada","at":1700000000.5,"reason":"1.2.0 is slow"}');
CREATE TABLE refused (
    plugin  TEXT PRIMARY KEY,
    refusal TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO "refused" VALUES('chat','{"target":{"name":"chat","version":"1.2.0","wheel":{"url":"https://plugins.example.com/files/acme_chat-1.2.0-py3-none-any.whl","filename":"acme_chat-1.2.0-py3-none-any.whl","sha256":"1201201201201201201201201201201201201201201201201201201201201201"},"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":"chat","isolation":"auto","config":"{\"rooms\": 3}","index":"https://plugins.example.com/simple/","mutable":false},"error":{"traceback":"","code":"probe-failed","status":424,"title":"Probe failed","detail":"the probe of chat 1.2.0 raised ConnectionError: no database; it does not serve until its probe passes","retried":false},"attempts":1,"next_try":null,"at":1700000001.0}');
CREATE TABLE served (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin TEXT NOT NULL,
    target TEXT NOT NULL
);
INSERT INTO "served" VALUES(1,'chat','{"name":"chat","version":"1.0.0","wheel":{"url":"https://plugins.example.com/files/acme_chat-1.0.0-py3-none-any.whl","filename":"acme_chat-1.0.0-py3-none-any.whl","sha256":"1001001001001001001001001001001001001001001001001001001001001001"},"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":"chat","isolation":"auto","config":"{\"rooms\": 3}","index":"https://plugins.example.com/simple/","mutable":false}');
INSERT INTO "served" VALUES(2,'chat','{"name":"chat","version":"1.1.0","wheel":{"url":"https://plugins.example.com/files/acme_chat-1.1.0-py3-none-any.whl","filename":"acme_chat-1.1.0-py3-none-any.whl","sha256":"1101101101101101101101101101101101101101101101101101101101101101"},"entry":"acme_chat.entry:plugin","project":"acme-chat","mount":"chat","isolation":"auto","config":"{\"rooms\": 3}","index":"https://plugins.example.com/simple/","mutable":false}');
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    etag   TEXT
) WITHOUT ROWID;
INSERT INTO "sources" VALUES('https://plugins.example.com','"one"');
CREATE TABLE tokens (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    role    TEXT NOT NULL,
    hash    TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    expires REAL,
    used    REAL
);
INSERT INTO "tokens" VALUES('t1','first','admin','abababababababababababababababababababababababababababababababab',1700000000.0,NULL,NULL);
CREATE INDEX served_by_plugin ON served (plugin, number);
CREATE INDEX operations_by_plugin ON operations (plugin, number);
CREATE INDEX operations_running ON operations (owner) WHERE state = 'running';
CREATE INDEX audit_by_plugin ON audit (plugin, id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('served',2);
INSERT INTO "sqlite_sequence" VALUES('operations',2);
INSERT INTO "sqlite_sequence" VALUES('generations',1);
INSERT INTO "sqlite_sequence" VALUES('events',1);
INSERT INTO "sqlite_sequence" VALUES('audit',1);
COMMIT;
