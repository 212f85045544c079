-- The tasks of a job's own list that have children, which all have their position.
CREATE INDEX tasks_composite_of_job ON tasks (job_id, position, created_at)
    WHERE parent_id IS NULL AND kind <> 'task';
-- What failed first of a job.
CREATE INDEX tasks_failed_of_job ON tasks (job_id, failed_at) WHERE state = 'FAILED';
