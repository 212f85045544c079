-- What an engine said when a worker last handed the task back, and how often one that was well did.
ALTER TABLE tasks
    ADD COLUMN setback  text,
    ADD COLUMN declined integer NOT NULL DEFAULT 0 CHECK (declined >= 0);
