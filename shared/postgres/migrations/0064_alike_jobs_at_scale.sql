-- Of very many jobs that did the same work only a few are looked at: those that may be the answer.

ALTER TABLE job_fingerprints
    ADD COLUMN has_failed boolean NOT NULL DEFAULT false,   -- failed or was cancelled
    ADD COLUMN is_out boolean NOT NULL
        GENERATED ALWAYS AS (has_failed OR banned_at IS NOT NULL OR chance <> '{}') STORED;

DROP INDEX job_fingerprints_alike;
CREATE INDEX job_fingerprints_alike ON job_fingerprints (fingerprint, created_at);
CREATE INDEX job_fingerprints_alike_in ON job_fingerprints (fingerprint, created_at)
    WHERE NOT is_out;

CREATE FUNCTION tell_fingerprint_of_failure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE job_fingerprints SET has_failed = NEW.state IN ('FAILED', 'CANCELLED')
    WHERE job_id = NEW.id;
    RETURN NULL;
END $$;

-- A restart takes it back.
CREATE TRIGGER failure_of_job_told AFTER UPDATE OF state ON jobs FOR EACH ROW
    WHEN ((OLD.state IN ('FAILED', 'CANCELLED')) <> (NEW.state IN ('FAILED', 'CANCELLED')))
    EXECUTE FUNCTION tell_fingerprint_of_failure();

-- Last: what it changes is still to be checked, and such a table can't be altered.
UPDATE job_fingerprints f SET has_failed = true
FROM jobs j WHERE j.id = f.job_id AND j.state IN ('FAILED', 'CANCELLED');
