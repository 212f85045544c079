-- When the first task of a job began to run since its last restart.
ALTER TABLE jobs ADD COLUMN run_started_at timestamptz;
