-- Schedules: jobs that are submitted again and again, as a cron expression says.

CREATE TABLE schedules (
    id           text PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED')),
    cron         text NOT NULL,
    timezone     text NOT NULL,
    overlap      text NOT NULL CHECK (overlap IN ('allow', 'skip')),
    catch_up     text NOT NULL CHECK (catch_up IN ('none', 'one', 'all')),
    spec         jsonb NOT NULL,                 -- as submitted, with what is secret taken out
    sealed       text,                           -- the secrets and the whole spec, if any is secret
    created_by   text,
    readers      text[] NOT NULL DEFAULT '{}',   -- as in jobs
    created_at   timestamptz NOT NULL,
    next_at      timestamptz,                    -- the next firing
    look_at      timestamptz,                    -- the same, or later after it could not be made
    last_at      timestamptz,                    -- the last firing that made a job, and its job
    last_job_id  text,
    error        text,                           -- why the firing that is due can't be made
    CONSTRAINT active_has_next CHECK
        ((state = 'ACTIVE') = (next_at IS NOT NULL) AND (next_at IS NULL) = (look_at IS NULL))
) WITH (fillfactor = 80);

CREATE INDEX schedules_newest ON schedules (created_at DESC, id DESC);
CREATE INDEX schedules_due ON schedules (look_at) WHERE look_at IS NOT NULL;

-- Whether a job of the schedule still runs, however many have ended.
CREATE INDEX jobs_active_of_schedule ON jobs (schedule_id)
    WHERE schedule_id IS NOT NULL AND state IN ('PENDING', 'SCHEDULED', 'RUNNING');

-- For the lists of jobs. A schedule may be gone while its jobs are still there.
CREATE FUNCTION schedule_cron(schedule_id text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN (SELECT s.cron FROM schedules s WHERE s.id = schedule_id);
