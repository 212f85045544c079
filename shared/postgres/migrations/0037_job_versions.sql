-- What was submitted as each version of a job, and what jobs of Bacalhau are called.

CREATE TABLE job_versions (
    job_id      text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    version     integer NOT NULL CHECK (version > 0),
    definition  jsonb NOT NULL,                  -- with what is secret taken out
    sealed      text,                            -- that part, encrypted when a key is set
    document    jsonb,                           -- as its own language spells it, if that is not ours
    reason      text NOT NULL,
    created_by  text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, version)
);

CREATE TABLE job_identities (
    -- A name is taken before its job is made.
    job_id      text PRIMARY KEY REFERENCES jobs ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    namespace   text NOT NULL,
    name        text NOT NULL,
    labels      jsonb NOT NULL DEFAULT '{}',
    UNIQUE (namespace, name)
);
