-- The job or the template whose data source a stored secret was given with: deleted with it.

ALTER TABLE stored_secrets ADD COLUMN owner_id text;  -- null: it stays until somebody deletes it
CREATE INDEX stored_secrets_owner ON stored_secrets (owner_id) WHERE owner_id IS NOT NULL;
