-- A line of deliveries is one endpoint's, too: its rate holds up no other, and nothing is looked at
-- that its rate doesn't let through yet.
ALTER TABLE webhook_endpoints ADD COLUMN next_call_at timestamptz; -- by its rate; null: now
DROP INDEX webhook_deliveries_of_line;
CREATE INDEX webhook_deliveries_of_line
    ON webhook_deliveries (receiver, owner, coalesce(endpoint_id, ''), next_at)
    WHERE state = 'PENDING';

-- Which is the first of a job and an endpoint that wants them in order.
CREATE INDEX webhook_deliveries_in_order ON webhook_deliveries (endpoint_id, job_id, version)
    WHERE state = 'PENDING' AND is_ordered;
