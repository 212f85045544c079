-- The headers of a call and of its answer, redacted and bounded. Null: nothing was sent, or there
-- was no answer.

ALTER TABLE webhook_attempts
    ADD COLUMN request_headers jsonb,
    ADD COLUMN answer_headers jsonb;
