-- Fingerprints know of failures, also of those that older services decide. Apart from 0064: with its
-- lock on job_fingerprints, this one of jobs would wait for batches that wait for job_fingerprints.

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
