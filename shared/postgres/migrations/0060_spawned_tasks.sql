-- Tasks whose children make others.

ALTER TABLE tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('task', 'parallel', 'each', 'spawn', 'subjob', 'placed')) NOT VALID,
    ADD COLUMN sequence integer;  -- of a child of a spawn: none begins before all of earlier ones end

CREATE INDEX tasks_to_begin_by_sequence ON tasks (parent_id, sequence, child_index)
    WHERE state = 'CREATED' AND sequence IS NOT NULL;
