-- More ways to say when a schedule fires, more policies, and what became of each firing.

ALTER TABLE schedules
    DROP CONSTRAINT schedules_state_check,
    DROP CONSTRAINT schedules_overlap_check,
    ADD CONSTRAINT schedules_state_check CHECK (state IN ('ACTIVE', 'PAUSED', 'ENDED')),
    ADD CONSTRAINT schedules_overlap_check
        CHECK (overlap IN ('allow', 'skip', 'bufferOne', 'bufferAll', 'cancelOther')),
    ADD COLUMN rules       jsonb NOT NULL DEFAULT '{}', -- the `schedule` as submitted, beyond cron
    ADD COLUMN version     integer NOT NULL DEFAULT 1,  -- of its rules and spec: grows by each edit
    ADD COLUMN runs        integer NOT NULL DEFAULT 0,  -- jobs created, for maxRuns
    ADD COLUMN failures    integer NOT NULL DEFAULT 0,  -- of its last jobs, in a row
    ADD COLUMN held        timestamptz[] NOT NULL DEFAULT '{}', -- firings that wait for its job
    ADD COLUMN note        text,                        -- why it is paused
    ADD COLUMN ended_at    timestamptz;

-- A row for each firing, and for each range of firings that was skipped.
CREATE TABLE schedule_runs (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    schedule_id   text NOT NULL REFERENCES schedules ON DELETE CASCADE,
    kind          text NOT NULL CHECK (kind IN ('SCHEDULED', 'TRIGGERED', 'BACKFILLED')),
    state         text NOT NULL CHECK (state IN ('FIRED', 'SKIPPED', 'HELD')),
    scheduled_at  timestamptz NOT NULL,                -- of a range the first, and `until` the last
    until         timestamptz,
    reason        text,                                -- why it was skipped
    job_id        text,
    at            timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX schedule_runs_of_schedule ON schedule_runs (schedule_id, scheduled_at DESC, id DESC);
CREATE INDEX schedule_runs_at ON schedule_runs (at);
