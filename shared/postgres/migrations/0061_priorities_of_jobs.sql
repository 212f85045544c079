-- The priority that a job was given after it was submitted. Null: its tasks have those of their own.

ALTER TABLE jobs
    ADD COLUMN priority smallint,
    -- No row has one yet: none needs to be read while the table is locked.
    ADD CONSTRAINT jobs_priority_check CHECK (priority BETWEEN 0 AND 9) NOT VALID;
