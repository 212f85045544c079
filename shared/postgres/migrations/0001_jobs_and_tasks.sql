-- Jobs, their task lists, their tasks, and what is waiting to be sent.
-- The constraints repeat the rules of shared/lifecycle: a bug there can't be saved.

CREATE TABLE jobs (
    id            text PRIMARY KEY,
    state         text NOT NULL CHECK (state IN
                  ('PENDING', 'SCHEDULED', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    name          text NOT NULL,
    description   text,
    tags          text[] NOT NULL DEFAULT '{}',
    created_by    text,
    inputs        jsonb NOT NULL DEFAULT '{}',
    sealed        text,                          -- the secrets, encrypted when a key is set
    secret_names  text[] NOT NULL DEFAULT '{}',
    output        text,                          -- expression that gives the result
    defaults      jsonb,
    webhooks      jsonb NOT NULL DEFAULT '[]',
    task_count    integer NOT NULL CHECK (task_count > 0),
    position      integer NOT NULL DEFAULT 0 CHECK (position BETWEEN 0 AND task_count),
    progress      double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    version       integer NOT NULL DEFAULT 0,
    restarts      integer NOT NULL DEFAULT 0,
    auto_delete_after interval,
    created_at    timestamptz NOT NULL,
    started_at    timestamptz,
    completed_at  timestamptz,
    failed_at     timestamptz,
    delete_at     timestamptz,
    result        text,
    error         text,
    search        tsvector NOT NULL,             -- name, description and tags; see job_search()
    CONSTRAINT completed_has_time CHECK ((state = 'COMPLETED') = (completed_at IS NOT NULL)),
    CONSTRAINT failed_has_reason CHECK ((state = 'FAILED') = (failed_at IS NOT NULL)),
    CONSTRAINT error_means_failed CHECK (error IS NULL OR state = 'FAILED'),
    CONSTRAINT only_completed_expire CHECK (delete_at IS NULL OR state = 'COMPLETED')
) WITH (fillfactor = 80);                        -- room for HOT updates of state and progress

CREATE INDEX jobs_newest ON jobs (created_at DESC, id DESC);
CREATE INDEX jobs_by_state ON jobs (state, created_at DESC, id DESC);
CREATE INDEX jobs_search ON jobs USING gin (search);
CREATE INDEX jobs_by_tag ON jobs USING gin (tags);
CREATE INDEX jobs_to_delete ON jobs (delete_at) WHERE delete_at IS NOT NULL;
CREATE INDEX jobs_active ON jobs (state) WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING');

CREATE FUNCTION job_search(name text, description text, tags text[]) RETURNS tsvector
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN setweight(to_tsvector('simple', name), 'A')
        || setweight(to_tsvector('simple', coalesce(description, '')), 'B')
        || setweight(array_to_tsvector(tags), 'C');

-- A job's tasks as submitted, a row each, so that a step reads its own and not all of them.
CREATE TABLE job_tasks (
    job_id    text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    position  integer NOT NULL CHECK (position > 0),
    task      jsonb NOT NULL,
    PRIMARY KEY (job_id, position)
);

-- The job's context: what its tasks have left for later ones, as `tasks.<name>`.
CREATE TABLE job_variables (
    job_id  text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    name    text NOT NULL,
    value   text NOT NULL,
    PRIMARY KEY (job_id, name)
);

CREATE TABLE tasks (
    id            text PRIMARY KEY,
    job_id        text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    position      integer NOT NULL CHECK (position > 0),
    state         text NOT NULL CHECK (state IN
                  ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING', 'COMPLETED', 'FAILED',
                   'CANCELLED', 'STOPPED', 'SKIPPED')),
    name          text NOT NULL,
    queue         text NOT NULL,
    priority      smallint NOT NULL CHECK (priority BETWEEN 0 AND 9),
    var           text,
    timeout       interval,
    retry         jsonb NOT NULL,
    definition    jsonb NOT NULL,                -- evaluated, with what came from a secret taken out
    sealed        text,                          -- that part, encrypted when a key is set
    attempt       integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    dispatch      integer NOT NULL DEFAULT 1 CHECK (dispatch > 0),
    lost          integer NOT NULL DEFAULT 0 CHECK (lost >= 0),
    progress      double precision NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    node_id       text,
    due_at        timestamptz,
    lease_expires_at timestamptz,
    deadline_at   timestamptz,
    created_at    timestamptz NOT NULL,
    scheduled_at  timestamptz,
    started_at    timestamptz,
    completed_at  timestamptz,
    failed_at     timestamptz,
    result        text,
    error         text,
    log_parts     integer,
    CONSTRAINT running_has_lease CHECK
        ((state = 'RUNNING') = (lease_expires_at IS NOT NULL)),
    CONSTRAINT running_has_node CHECK (state <> 'RUNNING' OR node_id IS NOT NULL),
    CONSTRAINT pending_has_due CHECK ((state = 'PENDING') = (due_at IS NOT NULL)),
    CONSTRAINT failed_has_reason CHECK ((state = 'FAILED') = (error IS NOT NULL))
) WITH (fillfactor = 70);

CREATE INDEX tasks_of_job ON tasks (job_id, position, created_at);
CREATE INDEX tasks_active_of_job ON tasks (job_id)
    WHERE state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING');
CREATE INDEX tasks_due ON tasks (due_at) WHERE state = 'PENDING';
CREATE INDEX tasks_leases ON tasks (lease_expires_at) WHERE state = 'RUNNING';
CREATE INDEX tasks_deadlines ON tasks (deadline_at) WHERE state = 'RUNNING';
CREATE INDEX tasks_waiting ON tasks (scheduled_at) WHERE state = 'SCHEDULED';

CREATE TABLE task_log_parts (
    task_id     text NOT NULL REFERENCES tasks ON DELETE CASCADE,
    number      integer NOT NULL CHECK (number > 0),
    job_id      text NOT NULL,
    contents    text NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (task_id, number)
);
CREATE INDEX task_log_parts_of_job ON task_log_parts (job_id, created_at, task_id, number);
CREATE INDEX task_log_parts_age ON task_log_parts USING brin (created_at);

-- Messages that a transaction decided to send. Sent at once by the process that committed them;
-- what a crash left behind is sent by any relay. Rows are deleted once the broker has confirmed.
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue       text NOT NULL,
    message_id  text NOT NULL,
    priority    smallint NOT NULL DEFAULT 0,
    body        bytea NOT NULL,
    claimed_until timestamptz NOT NULL          -- a relay leaves the row alone until then
);
CREATE INDEX outbox_leftovers ON outbox (claimed_until);

CREATE TABLE nodes (
    id            text PRIMARY KEY,
    name          text NOT NULL,
    hostname      text NOT NULL,
    port          integer NOT NULL,
    version       text NOT NULL,
    queue         text NOT NULL,
    status        text NOT NULL CHECK (status IN ('UP', 'DOWN', 'OFFLINE')),
    started_at    timestamptz NOT NULL,
    last_heartbeat_at timestamptz NOT NULL,
    cpu_percent   double precision NOT NULL DEFAULT 0,
    task_count    integer NOT NULL DEFAULT 0,
    lease         interval NOT NULL
);
CREATE INDEX nodes_by_heartbeat ON nodes (last_heartbeat_at);

-- One row for each call that a webhook is owed. (job_id, version, webhook) is the same however
-- often its event arrives.
CREATE TABLE webhook_deliveries (
    id          text PRIMARY KEY,                -- sent as webhook-id
    job_id      text NOT NULL,
    version     integer NOT NULL,
    webhook     integer NOT NULL,                -- place in the job's list
    url         text NOT NULL,
    body        bytea NOT NULL,
    attempts    integer NOT NULL DEFAULT 0,
    next_at     timestamptz NOT NULL,
    created_at  timestamptz NOT NULL,
    UNIQUE (job_id, version, webhook)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at);
