-- Of a job with very many active tasks only some are cancelled with it; the others follow in
-- transactions to come, while this is true.
ALTER TABLE jobs ADD COLUMN is_cancelling boolean NOT NULL DEFAULT false;

CREATE INDEX jobs_cancelling ON jobs (id) WHERE is_cancelling;
