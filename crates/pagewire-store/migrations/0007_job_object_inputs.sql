-- Where a job's list is in somebody's object store, as JSON. Once it has been read, the job has an upload beside it.
ALTER TABLE jobs ADD COLUMN object_input TEXT;
