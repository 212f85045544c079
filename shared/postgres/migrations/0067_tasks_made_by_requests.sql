-- Tasks that a task has made by requests while it runs, shown by its token. They come to be when that
-- dispatch has succeeded; of any other end nothing comes.

ALTER TABLE tasks ADD COLUMN token_digest text;  -- SHA-256; counts while the task is RUNNING

CREATE TABLE spawned_tasks (
    task_id     text NOT NULL REFERENCES tasks ON DELETE CASCADE,
    dispatch    integer NOT NULL,
    number      integer NOT NULL,
    sequence    integer NOT NULL,
    parameters  text NOT NULL,                   -- JSON, sealed where the job has secrets
    name        text,
    request_key text,                            -- its Idempotency-Key
    PRIMARY KEY (task_id, dispatch, number)
);
