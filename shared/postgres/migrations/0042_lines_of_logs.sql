-- Which lines of a part came from stderr (pairs: the first and the last of them, from 1), how many
-- lines begin in it, and whether it continues the line that the part before has not ended. NULL in
-- what services of the version before have written.
ALTER TABLE task_log_parts
    ADD COLUMN stderr    integer[],
    ADD COLUMN lines     integer,
    ADD COLUMN continues boolean;
