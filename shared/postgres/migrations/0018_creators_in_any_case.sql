-- `by:` in the search compares names in any case, and not which of the users of that name it was.

DROP INDEX jobs_by_creator;

CREATE INDEX jobs_by_creator ON jobs
    (lower(split_part(created_by, '~', 1)), created_at DESC, id DESC)
    WHERE created_by IS NOT NULL;
