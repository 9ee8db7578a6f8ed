-- Times are microseconds since 1970, UTC.

CREATE TABLE workspaces (
    id          TEXT PRIMARY KEY,
    plan        TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);

CREATE TABLE api_keys (
    id          TEXT PRIMARY KEY,
    workspace   TEXT NOT NULL REFERENCES workspaces (id),
    name        TEXT NOT NULL,
    hash        BLOB NOT NULL UNIQUE,
    shown       TEXT NOT NULL,
    mode        TEXT NOT NULL,
    scopes      TEXT NOT NULL,
    allow_ips   TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER,
    revoked_at  INTEGER
);

-- Counts changes to api_keys, so that servers know when to look again.
CREATE TABLE key_epoch (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    epoch  INTEGER NOT NULL
);
INSERT INTO key_epoch (one, epoch) VALUES (1, 0);

CREATE TABLE runs (
    id               TEXT PRIMARY KEY,
    workspace        TEXT NOT NULL REFERENCES workspaces (id),
    kind             TEXT NOT NULL,
    status           TEXT NOT NULL,
    defaults         TEXT NOT NULL,
    concurrency      INTEGER NOT NULL,
    urls_total       INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    finished_at      INTEGER,
    trace_id         TEXT NOT NULL,
    fence            INTEGER NOT NULL,
    owner            TEXT,
    lease_until      INTEGER,
    credits_charged  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_status ON runs (status, finished_at);
CREATE INDEX runs_by_workspace ON runs (workspace, created_at);

CREATE TABLE run_chunks (
    run            TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    chunk          INTEGER NOT NULL,
    first_ordinal  INTEGER NOT NULL,
    items          TEXT NOT NULL,
    PRIMARY KEY (run, chunk)
);

CREATE TABLE credits (
    workspace  TEXT NOT NULL REFERENCES workspaces (id),
    day        TEXT NOT NULL,
    spent      INTEGER NOT NULL,
    PRIMARY KEY (workspace, day)
);
