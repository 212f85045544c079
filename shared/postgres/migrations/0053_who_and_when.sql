-- When a job was cancelled and by whom; what has become of workers; what sessions are recognised by.

ALTER TABLE jobs
    ADD COLUMN cancelled_at timestamptz,        -- of the last time: a restart leads back
    ADD COLUMN cancelled_by text;               -- as created_by; null: a rule, or nobody is asked

ALTER TABLE sessions
    ADD COLUMN client text,                     -- the User-Agent of the sign-in, shortened
    ADD COLUMN used_at timestamptz;             -- to the minute; null: not since the first one

-- By name, as what is said of workers: an id lasts no longer than its process.
CREATE TABLE node_history (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name     text NOT NULL,
    node_id  text,                              -- null: of all workers of the name
    at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    event    text NOT NULL CHECK (event IN ('joined', 'left', 'lost', 'approved', 'rejected',
                                            'cordoned', 'uncordoned', 'draining')),
    by       text,                              -- as created_by; '' where nobody is asked
    message  text
);
CREATE INDEX node_history_of_name ON node_history (name, seq);
CREATE INDEX node_history_by_time ON node_history (at);
