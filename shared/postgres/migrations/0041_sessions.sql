-- Who has signed in to the page. What is stored gives no token away.

CREATE TABLE sessions (
    id          text PRIMARY KEY,               -- part of the token, in clear
    digest      bytea NOT NULL,                 -- of the token and what it was given for: HMAC-SHA-256
    username    text REFERENCES users ON DELETE CASCADE,
    key_id      text REFERENCES api_keys ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ends_at     timestamptz NOT NULL,           -- moved on with each use, to the minute
    CHECK (username IS NULL OR key_id IS NULL)  -- with neither it is the operator's
);
CREATE INDEX sessions_of_user ON sessions (username);
CREATE INDEX sessions_of_key ON sessions (key_id);
CREATE INDEX sessions_by_end ON sessions (ends_at);
