-- A run is of the mode of the key that made it, for good: a restart must not send a sandbox run to the web.
ALTER TABLE runs ADD COLUMN mode TEXT NOT NULL DEFAULT 'live';
