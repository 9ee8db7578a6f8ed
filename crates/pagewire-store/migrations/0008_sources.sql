-- What the live stream is fed by. A life is one source as it watches one thing: another URL, or the same id made again, is
-- another life, whose events are none of the one before. The values of headers are sealed by the engine.
CREATE TABLE sources (
    workspace     TEXT NOT NULL REFERENCES workspaces (id),
    mode          TEXT NOT NULL,
    id            TEXT NOT NULL,
    life          TEXT NOT NULL UNIQUE,
    declared_in   TEXT NOT NULL,
    url           TEXT NOT NULL,
    spec          TEXT NOT NULL,
    headers       BLOB,
    retired       TEXT,
    health        TEXT NOT NULL,
    rhythm        TEXT,
    next_poll_at  INTEGER,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    PRIMARY KEY (workspace, mode, id)
) WITHOUT ROWID;
CREATE INDEX sources_by_url ON sources (workspace, mode, url);
CREATE INDEX sources_in_config ON sources (declared_in) WHERE declared_in = 'config';

-- What a source wants kept between two polls. Apart, since it is large and seldom read.
CREATE TABLE source_states (
    life   TEXT PRIMARY KEY REFERENCES sources (life) ON DELETE CASCADE,
    state  TEXT NOT NULL
);
