-- Limits on how many tasks of a job are active and start at a time.

ALTER TABLE jobs ADD COLUMN slots jsonb;         -- the limits, and what counts for them

ALTER TABLE tasks
    -- By the limits of its job, while it is PENDING: services of the version before let it stand.
    ADD COLUMN is_held_back boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT pending_has_due,
    -- One without a time waits for a slot; an execution perhaps for a node.
    ADD CONSTRAINT pending_has_due CHECK
        (CASE WHEN state = 'PENDING' THEN due_at IS NOT NULL OR placement IS NOT NULL OR is_held_back
              ELSE due_at IS NULL END) NOT VALID;
