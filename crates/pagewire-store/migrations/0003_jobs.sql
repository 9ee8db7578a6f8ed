-- What a run has come to once it has ended: copied from its journal, so that lists need not open it.
ALTER TABLE runs ADD COLUMN urls_done INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN urls_errored INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN error TEXT;
CREATE INDEX runs_in_order ON runs (workspace, id);

CREATE TABLE uploads (
    id          TEXT PRIMARY KEY,
    workspace   TEXT NOT NULL REFERENCES workspaces (id),
    blob        TEXT NOT NULL,
    urls        INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    format      TEXT NOT NULL,
    created_at  INTEGER NOT NULL
);
CREATE INDEX uploads_by_age ON uploads (created_at);

-- Where each chunk of an upload stands in its blob.
CREATE TABLE upload_chunks (
    upload  TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    chunk   INTEGER NOT NULL,
    start   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (upload, chunk)
) WITHOUT ROWID;

-- What a run has as a job, beside what every run has.
CREATE TABLE jobs (
    run               TEXT PRIMARY KEY REFERENCES runs (id) ON DELETE CASCADE,
    name              TEXT,
    output            TEXT NOT NULL,
    webhook           TEXT,
    upload            TEXT REFERENCES uploads (id),
    started_at        INTEGER,
    cancel_requested  INTEGER
);
CREATE INDEX jobs_by_upload ON jobs (upload);

-- The chunks that somebody works off right now. What is done of them is in the run's journal.
CREATE TABLE chunk_leases (
    run          TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    chunk        INTEGER NOT NULL,
    fence        INTEGER NOT NULL,
    owner        TEXT NOT NULL,
    lease_until  INTEGER NOT NULL,
    PRIMARY KEY (run, chunk)
) WITHOUT ROWID;

CREATE TABLE run_files (
    run     TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    name    TEXT NOT NULL,
    blob    TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    rows    INTEGER NOT NULL,
    sha256  TEXT NOT NULL,
    PRIMARY KEY (run, part)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    workspace    TEXT NOT NULL REFERENCES workspaces (id),
    key          TEXT NOT NULL,
    body_sha256  BLOB NOT NULL,
    run          TEXT NOT NULL,
    answer       TEXT NOT NULL,
    expires_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace, key)
) WITHOUT ROWID;
