-- Since when a message waits: how far behind the sending is. now() is the start of the transaction
-- that decided it, and needs no rewriting of the rows that are there.
ALTER TABLE outbox ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
