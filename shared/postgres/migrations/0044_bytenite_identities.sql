-- Jobs of ByteNite have names, too: by the language it is known whose API shows a job. Their clients
-- delete a job softly: it can be read until retention removes it.

ALTER TABLE job_identities
    ADD COLUMN language text NOT NULL DEFAULT 'bacalhau',
    ADD COLUMN deleted_at timestamptz;
