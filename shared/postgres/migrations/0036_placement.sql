-- Tasks that are made of executions on chosen nodes, versions of what was submitted, and what is
-- known of a worker.

ALTER TABLE jobs
    ADD COLUMN spec_version integer NOT NULL DEFAULT 1 CHECK (spec_version > 0),
    ADD COLUMN kept_running integer NOT NULL DEFAULT 0 CHECK (kept_running >= 0);

ALTER TABLE tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('task', 'parallel', 'each', 'subjob', 'placed')) NOT VALID,
    ADD COLUMN resources     jsonb,              -- what it holds of its node: millicpus, memory, …
    ADD COLUMN placement     jsonb,
    ADD COLUMN pinned_to     text,               -- the only node it may have
    ADD COLUMN recall        text,               -- why its worker was asked to let go of it
    ADD COLUMN retries_from  integer NOT NULL DEFAULT 0,
    ADD COLUMN spec_version  integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT pending_has_due,
    -- An execution without a time waits for a node.
    ADD CONSTRAINT pending_has_due CHECK
        (CASE WHEN state = 'PENDING' THEN due_at IS NOT NULL OR placement IS NOT NULL
              ELSE due_at IS NULL END) NOT VALID;

CREATE INDEX tasks_waiting_for_a_node ON tasks (scheduled_at)
    WHERE state = 'PENDING' AND due_at IS NULL;
CREATE INDEX tasks_placed ON tasks (started_at) WHERE state = 'RUNNING' AND kind = 'placed';
CREATE INDEX tasks_with_resources ON tasks (node_id)
    WHERE resources IS NOT NULL AND state IN ('SCHEDULED', 'RUNNING');

ALTER TABLE nodes
    ADD COLUMN labels         jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN engines        text[] NOT NULL DEFAULT '{}',
    ADD COLUMN storages       text[] NOT NULL DEFAULT '{}',
    ADD COLUMN publishers     text[] NOT NULL DEFAULT '{}',
    ADD COLUMN capacity       jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN gpus           jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN max_executions integer NOT NULL DEFAULT 0,
    ADD COLUMN availability   text NOT NULL DEFAULT 'active';  -- as the worker was last told

-- What an administrator has said of workers, by name: an id lasts no longer than its process.
CREATE TABLE node_policies (
    name         text PRIMARY KEY,
    membership   text NOT NULL DEFAULT 'APPROVED'
                 CHECK (membership IN ('PENDING', 'APPROVED', 'REJECTED')),
    availability text NOT NULL DEFAULT 'active'
                 CHECK (availability IN ('active', 'cordoned', 'draining')),
    message      text,
    changed_by   text,
    changed_at   timestamptz NOT NULL DEFAULT now()
);
