-- What a job says of its reuse.

ALTER TABLE jobs ADD COLUMN reuse jsonb;

-- Tasks that end as others have, which did the same work. What those have kept is named once more.

ALTER TABLE tasks
    ADD COLUMN fingerprint text,                 -- of a task that may be reused
    ADD COLUMN reused_from text;                 -- the task whose end it has, which may be gone

CREATE INDEX tasks_reusable ON tasks (fingerprint, completed_at)
    WHERE fingerprint IS NOT NULL AND state = 'COMPLETED';

-- The second part of an object's name is the task that has kept it.
CREATE INDEX artifacts_of_other_tasks ON artifacts (object)
    WHERE split_part(object, '/', 2) <> task_id;

-- The last row that names such an object may be this one: no job's prefix leads there any more.
CREATE FUNCTION remove_object_of_other_task() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO object_removals (prefix) VALUES (OLD.object)
    ON CONFLICT (prefix) DO UPDATE SET due_at = now(), created_at = now();
    RETURN NULL;
END $$;

CREATE TRIGGER artifact_of_other_task_deleted AFTER DELETE ON artifacts FOR EACH ROW
    WHEN (split_part(OLD.object, '/', 2) <> OLD.task_id)
    EXECUTE FUNCTION remove_object_of_other_task();
