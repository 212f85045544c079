-- Tasks within tasks, jobs within jobs, graphs of tasks, who may see a job, and the feed of changes.

ALTER TABLE jobs
    ADD COLUMN permissions     jsonb NOT NULL DEFAULT '[]',   -- as submitted
    ADD COLUMN readers         text[] NOT NULL DEFAULT '{}',  -- `user:x`, `role:y`; empty: everybody
    ADD COLUMN parent_job_id   text,                          -- where the task that made it belongs
    ADD COLUMN parent_task_id  text,
    ADD COLUMN parent_dispatch integer,                       -- null: nobody waits for its end
    ADD COLUMN schedule_id     text,
    ADD COLUMN is_graph        boolean NOT NULL DEFAULT false,
    ADD COLUMN timeout         interval,
    ADD COLUMN deadline_at     timestamptz;

CREATE INDEX jobs_by_parent ON jobs (parent_task_id) WHERE parent_task_id IS NOT NULL;
CREATE INDEX jobs_by_schedule ON jobs (schedule_id, created_at DESC) WHERE schedule_id IS NOT NULL;
CREATE INDEX jobs_waited_for ON jobs (created_at)
    WHERE parent_dispatch IS NOT NULL AND state IN ('PENDING', 'SCHEDULED', 'RUNNING');
CREATE INDEX jobs_deadlines ON jobs (deadline_at) WHERE deadline_at IS NOT NULL;

-- In a graph a task is sent when as many of its needs have ended as it has.
ALTER TABLE job_tasks
    ADD COLUMN waiting_for integer NOT NULL DEFAULT 0 CHECK (waiting_for >= 0),
    ADD COLUMN is_done     boolean NOT NULL DEFAULT false;

CREATE TABLE job_needs (
    job_id    text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    needed    integer NOT NULL,
    position  integer NOT NULL CHECK (position <> needed),
    PRIMARY KEY (job_id, needed, position)
);

ALTER TABLE tasks
    ADD COLUMN kind          text NOT NULL DEFAULT 'task'
                             CHECK (kind IN ('task', 'parallel', 'each', 'subjob')),
    ADD COLUMN parent_id     text,              -- the parallel or each task it belongs to
    ADD COLUMN child_index   integer,           -- its place among its siblings, from 0
    ADD COLUMN scope         jsonb,             -- the variables of the each tasks around it
    ADD COLUMN children      jsonb,             -- how far the children of a parallel or each task are
    ADD COLUMN subjob_id     text,
    ADD COLUMN allow_failure boolean NOT NULL DEFAULT false,
    ADD COLUMN queue_timeout interval,
    ADD COLUMN exit_code     integer,
    DROP CONSTRAINT running_has_lease,
    DROP CONSTRAINT running_has_node,
    ADD CONSTRAINT running_has_lease CHECK
        ((state = 'RUNNING' AND kind = 'task') = (lease_expires_at IS NOT NULL)),
    ADD CONSTRAINT running_has_node CHECK
        (state <> 'RUNNING' OR kind <> 'task' OR node_id IS NOT NULL),
    ADD CONSTRAINT children_have_indexes CHECK ((parent_id IS NULL) = (child_index IS NULL));

CREATE INDEX tasks_of_parent ON tasks (parent_id, child_index, created_at) WHERE parent_id IS NOT NULL;
CREATE INDEX tasks_to_begin ON tasks (parent_id, child_index) WHERE state = 'CREATED';
CREATE INDEX tasks_queue_deadlines ON tasks (deadline_at)
    WHERE state = 'SCHEDULED' AND deadline_at IS NOT NULL;
CREATE INDEX tasks_waiting_for_jobs ON tasks (started_at) WHERE state = 'RUNNING' AND kind = 'subjob';

-- The feed: what has happened and what was logged, in one order, for whoever follows. A reader asks
-- for (txid, seq) above the last it has seen and txid below the oldest transaction that still runs:
-- so no row can appear behind its back.
CREATE SEQUENCE feed_seq;

CREATE TABLE job_events (
    txid     bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    seq      bigint NOT NULL DEFAULT nextval('feed_seq'),
    job_id   text NOT NULL,
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    changes  jsonb NOT NULL,                    -- a list, in the order they were decided
    PRIMARY KEY (txid, seq)
);
CREATE INDEX job_events_of_job ON job_events (job_id, txid, seq);
CREATE INDEX job_events_age ON job_events USING brin (at);

ALTER TABLE task_log_parts
    ADD COLUMN txid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    ADD COLUMN seq  bigint NOT NULL DEFAULT nextval('feed_seq');
CREATE INDEX task_log_parts_feed ON task_log_parts (job_id, txid, seq);
CREATE INDEX task_log_parts_in_order ON task_log_parts (txid, seq);

-- How far each listener inside a service has heard the feed; one process serves it at a time.
CREATE TABLE feed_cursors (
    name          text PRIMARY KEY,
    txid          bigint NOT NULL,
    seq           bigint NOT NULL,
    failures      integer NOT NULL DEFAULT 0,    -- in a row, of what comes next
    claimed_until timestamptz NOT NULL           -- nobody else serves it until then
);
