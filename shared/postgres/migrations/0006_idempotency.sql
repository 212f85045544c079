-- What clients have submitted under a key of their own: submitted again, it is not made again.

CREATE TABLE idempotency_keys (
    identity    text NOT NULL,                  -- who gave the key; empty where nobody is asked
    key         text NOT NULL,
    body_hash   bytea NOT NULL,                 -- SHA-256 of all that was submitted with it
    made_id     text NOT NULL,                  -- the job or schedule, which may be gone by now
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (identity, key)
);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (created_at);
