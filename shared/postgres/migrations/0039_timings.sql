-- Of each phase of an attempt: its name, when it began after the attempt, how long it took, in ms.

ALTER TABLE tasks ADD COLUMN timings jsonb;
