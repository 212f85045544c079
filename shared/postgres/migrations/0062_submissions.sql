-- The submissions that a job with `reuse` goes on for. It is stopped when the last is taken back.

CREATE TABLE job_submissions (
    -- The first one comes before its job has a row.
    job_id      text NOT NULL REFERENCES jobs ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    id          text NOT NULL,                   -- its submitId, or else one that was made
    is_first    boolean NOT NULL,                -- its webhooks are those of the job
    webhooks    jsonb NOT NULL DEFAULT '[]',     -- of one that has joined, as those of jobs
    sealed      text,                            -- the secrets that these read
    detached_at timestamptz,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job_id, id)
);

INSERT INTO job_submissions (job_id, id, is_first)
SELECT f.job_id, f.job_id, true FROM job_fingerprints f JOIN jobs j ON j.id = f.job_id
WHERE j.state NOT IN ('COMPLETED', 'FAILED', 'CANCELLED');

-- Whether a submission with webhooks has joined.
ALTER TABLE jobs ADD COLUMN is_joined boolean NOT NULL DEFAULT false;

ALTER TABLE reuse_decisions ADD COLUMN submission_id text;

-- A submission that came when the job had ended: its webhooks are called, and no others.
ALTER TABLE webhook_events ADD COLUMN only_submission jsonb;
