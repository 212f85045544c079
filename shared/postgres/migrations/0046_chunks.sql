-- How many chunks an artifact has that is a directory of chunks: what runs for each is planned by it.

ALTER TABLE artifacts ADD COLUMN chunks integer;
