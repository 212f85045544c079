-- With which program a job was cancelled, and why.

ALTER TABLE jobs
    ADD COLUMN cancelled_by_client text,        -- as its User-Agent begins; null: a rule, or it says nothing
    ADD COLUMN cancel_reason text;
