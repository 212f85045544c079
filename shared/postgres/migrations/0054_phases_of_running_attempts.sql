-- The phase that a running attempt is in, as its worker's last heartbeat told it, and of which
-- dispatch: what a lost worker told of the one before says nothing of the next.

ALTER TABLE tasks
    ADD COLUMN phase text,
    ADD COLUMN phase_dispatch int;
