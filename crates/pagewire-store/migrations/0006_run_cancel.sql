-- A stream that is to end, as a job is, must end after a restart too.
ALTER TABLE runs ADD COLUMN cancel_requested INTEGER;
UPDATE runs SET cancel_requested = (SELECT jobs.cancel_requested FROM jobs WHERE jobs.run = runs.id);
ALTER TABLE jobs DROP COLUMN cancel_requested;
