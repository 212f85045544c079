-- Limits on how many tasks of a job are active and start at a time.

ALTER TABLE jobs ADD COLUMN slots jsonb;         -- the limits, and what counts for them

ALTER TABLE tasks
    ADD COLUMN is_held_back boolean NOT NULL DEFAULT false,  -- by the limits of its job
    DROP CONSTRAINT pending_has_due,
    -- One without a time waits for a slot; an execution perhaps for a node.
    ADD CONSTRAINT pending_has_due CHECK
        (CASE WHEN state = 'PENDING' THEN due_at IS NOT NULL OR placement IS NOT NULL OR is_held_back
              ELSE due_at IS NULL AND NOT is_held_back END) NOT VALID;

CREATE INDEX tasks_held_back ON tasks (job_id, priority DESC, position, created_at, child_index)
    WHERE is_held_back AND due_at IS NULL;
