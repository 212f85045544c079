-- What a task reports of its own end by requests while it runs, shown by its token. It counts when that
-- dispatch has ended with success.

CREATE TABLE reported_ends (
    task_id    text NOT NULL REFERENCES tasks ON DELETE CASCADE,
    dispatch   integer NOT NULL,
    result     text,                             -- sealed where the job has secrets; NULL: not told
    has_failed boolean NOT NULL,
    PRIMARY KEY (task_id, dispatch)
);
