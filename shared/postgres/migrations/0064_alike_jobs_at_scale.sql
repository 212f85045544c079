-- Of very many jobs that did the same work only a few are looked at: those that may be the answer.

ALTER TABLE job_fingerprints
    ADD COLUMN has_failed boolean NOT NULL DEFAULT false,   -- failed or was cancelled
    ADD COLUMN is_out boolean NOT NULL
        GENERATED ALWAYS AS (has_failed OR banned_at IS NOT NULL OR chance <> '{}') STORED;

DROP INDEX job_fingerprints_alike;
CREATE INDEX job_fingerprints_alike ON job_fingerprints (fingerprint, created_at);
CREATE INDEX job_fingerprints_alike_in ON job_fingerprints (fingerprint, created_at)
    WHERE NOT is_out;
