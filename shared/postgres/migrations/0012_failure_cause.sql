-- Why an attempt failed, in one word; its error says it in many.
ALTER TABLE tasks ADD COLUMN failure_cause text;
