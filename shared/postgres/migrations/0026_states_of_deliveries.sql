-- Deliveries of an endpoint are listed by their state, newest first; this finds the failed ones too.
CREATE INDEX webhook_deliveries_in_state
    ON webhook_deliveries (endpoint_id, state, created_at DESC) WHERE endpoint_id IS NOT NULL;
DROP INDEX webhook_deliveries_failed;
