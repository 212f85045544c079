-- The time that a job of a schedule was due, which its expressions may read.
ALTER TABLE jobs ADD COLUMN schedule_at timestamptz;
