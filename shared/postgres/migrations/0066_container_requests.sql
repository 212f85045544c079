-- What users of Arvados' API ask for. Several requests may share the job that is their container.

CREATE TABLE container_requests (
    id          text PRIMARY KEY,               -- its uuid
    job_id      text REFERENCES jobs ON DELETE CASCADE,  -- null: it is a draft
    document    jsonb NOT NULL,                 -- its attributes, without what is secret
    sealed      text,                           -- that, of a draft; encrypted when a key is set
    created_by  text,
    modified_by text,
    readers     text[] NOT NULL,                -- as of a job
    created_at  timestamptz NOT NULL DEFAULT now(),
    modified_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX container_requests_by_time ON container_requests (created_at);
CREATE INDEX container_requests_of_job ON container_requests (job_id, created_at)
    WHERE job_id IS NOT NULL;
