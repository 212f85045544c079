-- Access tokens are sessions whose end is not moved on by their use.

ALTER TABLE sessions ADD COLUMN is_renewed boolean NOT NULL DEFAULT true;
