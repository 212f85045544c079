-- What the children of a task have left is kept as a JSON list, which expressions read as one.
ALTER TABLE job_variables ADD COLUMN is_list boolean NOT NULL DEFAULT false;
