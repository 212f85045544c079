-- Those of before 0072, whose lock on jobs would hold up all services meanwhile. A job that is
-- restarted in the same moment may stay no answer to others.

UPDATE job_fingerprints f SET has_failed = true
FROM jobs j WHERE j.id = f.job_id AND j.state IN ('FAILED', 'CANCELLED');
