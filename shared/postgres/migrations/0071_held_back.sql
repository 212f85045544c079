-- What the limits of jobs hold back. Apart from 0068: nobody could read tasks while it is made.

CREATE INDEX tasks_held_back ON tasks (job_id, priority DESC, position, created_at, child_index)
    WHERE is_held_back AND state = 'PENDING';
