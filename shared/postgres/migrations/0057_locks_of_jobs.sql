-- Who keeps others from changing what a job does: by (as created_by), key (the SHA-256 of the lock's
-- token), at, expires_at. Null: nobody. A lock that has expired says nothing.

ALTER TABLE jobs ADD COLUMN lock jsonb;
