-- What an engine said when a worker last handed the task back, and how often one that was well did.
ALTER TABLE tasks
    ADD COLUMN last_return_reason text,
    ADD COLUMN engine_rejections integer NOT NULL DEFAULT 0 CHECK (engine_rejections >= 0);
