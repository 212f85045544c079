-- Jobs that wait to be released, or for their time, and by when a job must have ended.

ALTER TABLE jobs
    ADD COLUMN is_held      boolean NOT NULL DEFAULT false,
    ADD COLUMN start_at     timestamptz,         -- nothing of it begins before
    ADD COLUMN due_at       timestamptz,         -- the same, while it waits for nothing else
    ADD COLUMN must_end_at  timestamptz,
    DROP CONSTRAINT only_final_expire,
    -- A held job is deleted as it is.
    ADD CONSTRAINT only_final_expire CHECK
        (delete_at IS NULL OR is_held OR state IN ('COMPLETED', 'FAILED', 'CANCELLED')) NOT VALID;

CREATE INDEX jobs_due ON jobs (due_at) WHERE state = 'PENDING' AND due_at IS NOT NULL;
CREATE INDEX jobs_held ON jobs (created_at) WHERE is_held;
