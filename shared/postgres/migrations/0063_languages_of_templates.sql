-- The language that the document of a stored job is in; null for our own.
ALTER TABLE templates ADD COLUMN language text CHECK (language IN ('bacalhau'));
