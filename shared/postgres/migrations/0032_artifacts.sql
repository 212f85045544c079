-- What attempts have kept, and what clients have sent. The bytes are in the store of files.

CREATE TABLE artifacts (
    job_id      text NOT NULL REFERENCES jobs ON DELETE CASCADE,
    task_id     text NOT NULL REFERENCES tasks ON DELETE CASCADE,
    attempt     integer NOT NULL CHECK (attempt >= 0),
    name        text NOT NULL,
    object      text NOT NULL,
    file_name   text NOT NULL,
    size        bigint NOT NULL CHECK (size >= 0),
    sha256      text NOT NULL,
    files       integer CHECK (files >= 0),      -- of a directory; NULL: a single file
    published   text[] NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (task_id, attempt, name)
);

CREATE INDEX artifacts_of_job ON artifacts (job_id);

ALTER TABLE jobs ADD COLUMN uploads jsonb NOT NULL DEFAULT '{}';  -- ids by name

-- An upload no job or schedule uses is removed a day after it was made.
CREATE TABLE uploads (
    id          text PRIMARY KEY,
    name        text NOT NULL,
    object      text NOT NULL,
    size        bigint NOT NULL CHECK (size >= 0),
    sha256      text NOT NULL,
    created_by  text,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE upload_uses (
    upload_id   text NOT NULL REFERENCES uploads ON DELETE CASCADE,
    owner_id    text NOT NULL,                   -- a job, or a schedule
    PRIMARY KEY (upload_id, owner_id)
);

CREATE INDEX upload_uses_of_owner ON upload_uses (owner_id);

-- Objects whose rows are gone: all whose names start with `prefix`.
CREATE TABLE object_removals (
    prefix      text PRIMARY KEY,
    due_at      timestamptz NOT NULL DEFAULT now()
);
