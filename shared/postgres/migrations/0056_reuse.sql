-- What jobs that may be reused are recognised by, and why submissions were or were not answered so.

CREATE TABLE job_fingerprints (
    -- Taken before its job has a row.
    job_id      text PRIMARY KEY REFERENCES jobs ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    fingerprint text NOT NULL,
    owner       text NOT NULL,                  -- as created_by; '' where nobody is asked
    chance      text[] NOT NULL DEFAULT '{}',   -- why it is nondeterministic; '{}': it is not
    parts       jsonb NOT NULL,                 -- a hash by place, to tell what differs
    banned_at   timestamptz,
    banned_by   text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX job_fingerprints_alike ON job_fingerprints (fingerprint);
CREATE INDEX job_fingerprints_of_owner ON job_fingerprints (owner, created_at DESC);

CREATE TABLE reuse_decisions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What the submission was answered with.
    job_id      text NOT NULL REFERENCES jobs ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    is_reused   boolean NOT NULL,
    steps       jsonb NOT NULL,
    nearest     jsonb,                          -- another job, and where the two differ
    created_by  text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX reuse_decisions_of_job ON reuse_decisions (job_id, id DESC);
