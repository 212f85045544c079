-- The priority that a job was given after it was submitted. Null: its tasks have those of their own.

ALTER TABLE jobs ADD COLUMN priority smallint CHECK (priority BETWEEN 0 AND 9);
