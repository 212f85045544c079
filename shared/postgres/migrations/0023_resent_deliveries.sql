-- A delivery that is sent anew has all its repetitions again, and its attempts go on counting.
ALTER TABLE webhook_deliveries ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;

-- What has failed for an endpoint is sent anew together, from a time on.
CREATE INDEX webhook_deliveries_failed ON webhook_deliveries (endpoint_id, ended_at)
    WHERE state = 'FAILED' AND endpoint_id IS NOT NULL;
