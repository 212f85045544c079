-- The run of a trigger that is sent again is found by its job.
CREATE INDEX schedule_runs_triggered ON schedule_runs (job_id) WHERE kind = 'TRIGGERED';
