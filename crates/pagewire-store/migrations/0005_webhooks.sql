-- Who is told of events. Of a single job alone where `job` is given; such a webhook outlives its job, so that its
-- deliveries can be replayed. Secrets are sealed by the engine; what is here opens nothing.
CREATE TABLE webhooks (
    id                     TEXT PRIMARY KEY,
    workspace              TEXT NOT NULL REFERENCES workspaces (id),
    mode                   TEXT NOT NULL,
    job                    TEXT,
    url                    TEXT NOT NULL,
    events                 TEXT NOT NULL,
    description            TEXT,
    metadata               TEXT,
    enabled                INTEGER NOT NULL,
    disabled_reason        TEXT,
    secret                 BLOB NOT NULL,
    previous_secret        BLOB,
    previous_secret_until  INTEGER,
    failing_since          INTEGER,
    created_at             INTEGER NOT NULL
);
CREATE INDEX webhooks_in_order ON webhooks (workspace, mode, id);
CREATE INDEX webhooks_by_job ON webhooks (job) WHERE job IS NOT NULL;

-- One row for each event and webhook that is told of it. A delivery that is leased is due again when the lease ends.
CREATE TABLE webhook_deliveries (
    id           TEXT PRIMARY KEY,
    webhook      TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    endpoint     TEXT NOT NULL,
    event        TEXT NOT NULL,
    body         TEXT NOT NULL,
    status       TEXT NOT NULL,
    tries        INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER NOT NULL,
    leased       INTEGER NOT NULL DEFAULT 0,
    fence        INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint, due_at) WHERE status = 'pending';
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    delivery     TEXT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    attempt      INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    elapsed_ms   INTEGER NOT NULL,
    http_status  INTEGER,
    answer       TEXT,
    error        TEXT,
    PRIMARY KEY (delivery, attempt)
) WITHOUT ROWID;

-- How far the workspaces' events have been turned into deliveries.
CREATE TABLE webhook_dispatch (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    position  INTEGER NOT NULL
);
INSERT INTO webhook_dispatch (one, position) VALUES (1, 0);
