-- How much an attempt has made is read from its last row, and whether a key was used from an index:
-- each request costs the same, however many came before.

ALTER TABLE spawned_tasks ADD COLUMN bytes_so_far integer;  -- of `parameters`; NULL: of an earlier version

CREATE INDEX spawned_tasks_keys ON spawned_tasks (task_id, dispatch, request_key)
    WHERE request_key IS NOT NULL;
