-- The active children of a family, however many have ended and however many are active beside it.
CREATE INDEX tasks_active_of_parent ON tasks (parent_id)
    WHERE parent_id IS NOT NULL AND state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING');
