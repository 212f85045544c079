-- Secrets that are kept apart from jobs, which name them by their id.

CREATE TABLE stored_secrets (
    id          text PRIMARY KEY,
    kind        text NOT NULL CHECK (kind IN ('other', 'aws', 'gcp', 'storj', 'docker')),
    name        text NOT NULL DEFAULT '',
    access_key  text,                        -- what goes with the secret and is none itself
    sealed      text NOT NULL,               -- the secret, encrypted when a key is set
    created_by  text,                        -- as in jobs
    permissions jsonb NOT NULL DEFAULT '[]', -- as in jobs
    readers     text[] NOT NULL,             -- as in jobs: who may use it, or change it, too
    expires_at  timestamptz,                 -- null: never
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK ((access_key IS NULL) = (kind = 'other'))
);
