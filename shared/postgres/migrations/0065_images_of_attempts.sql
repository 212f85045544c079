-- The image that an attempt has run, as registries call it, or its id where it was made.

ALTER TABLE tasks ADD COLUMN image_digest text;
