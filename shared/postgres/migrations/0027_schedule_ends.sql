-- The ends of jobs that their schedule waits for, or counts: a row for each, written with the end
-- and deleted by the scheduler that has seen it.

CREATE TABLE schedule_ends (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id  text NOT NULL,
    state        text                            -- of the job; null: only to look at the schedule
);
CREATE INDEX schedule_ends_of_schedule ON schedule_ends (schedule_id);

-- Whose firings wait: looked for now and then, should an end have been missed.
CREATE INDEX schedules_holding ON schedules (id) WHERE held <> '{}';
CREATE INDEX schedule_runs_held ON schedule_runs (schedule_id) WHERE state = 'HELD';
