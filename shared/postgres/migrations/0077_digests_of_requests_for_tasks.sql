-- A key that is used again with another body is refused; of earlier requests the body is not known.

ALTER TABLE spawned_tasks ADD COLUMN request_digest bytea;
