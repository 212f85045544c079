-- A client deletes jobs of any final state. `delete_at` says so first: while the rows of a job go,
-- nobody restarts it. Not validated: the constraint it replaces said more.

ALTER TABLE jobs
    DROP CONSTRAINT only_completed_expire,
    ADD CONSTRAINT only_final_expire
        CHECK (delete_at IS NULL OR state IN ('COMPLETED', 'FAILED', 'CANCELLED')) NOT VALID;
