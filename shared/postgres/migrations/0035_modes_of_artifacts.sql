-- Of a single file its permissions: what was executable stays so.

ALTER TABLE artifacts ADD COLUMN mode integer NOT NULL DEFAULT 420;  -- 0o644
