-- What happens in workspaces. An event is written in the transaction of the change that it tells of, so that neither is
-- ever there without the other. AUTOINCREMENT: a position is never given twice, also when the newest rows are gone.
CREATE TABLE workspace_events (
    position   INTEGER PRIMARY KEY AUTOINCREMENT,
    workspace  TEXT NOT NULL REFERENCES workspaces (id),
    mode       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    data       TEXT NOT NULL
);
CREATE INDEX workspace_events_in_order ON workspace_events (workspace, mode, position);
CREATE INDEX workspace_events_by_age ON workspace_events (at);

-- How far events of a workspace have been dropped, so that a reader who comes too late is told.
CREATE TABLE workspace_events_dropped (
    workspace  TEXT PRIMARY KEY REFERENCES workspaces (id),
    through    INTEGER NOT NULL
) WITHOUT ROWID;
