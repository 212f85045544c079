-- Deliveries are taken fairly: those that an owner is owed at a receiver are a line, and the first
-- of each line is found by one step of this index.
CREATE INDEX webhook_deliveries_of_line ON webhook_deliveries (receiver, owner, next_at)
    WHERE state = 'PENDING';
DROP INDEX webhook_deliveries_of_receiver;
