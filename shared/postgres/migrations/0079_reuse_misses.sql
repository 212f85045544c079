-- Why a task runs that may be reused, and what it comes nearest to.

ALTER TABLE tasks ADD COLUMN reuse_miss jsonb;
