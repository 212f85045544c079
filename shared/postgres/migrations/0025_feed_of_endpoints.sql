-- An endpoint is told of what was decided since it was created or enabled again.
ALTER TABLE webhook_endpoints ADD COLUMN hears_since timestamptz NOT NULL DEFAULT now();

-- Where in the feed the dispatchers are; listeners are named by their packages, without blanks.
INSERT INTO feed_cursors (name, txid, seq, claimed_until)
VALUES ('webhook endpoints', pg_snapshot_xmin(pg_current_snapshot())::text::bigint, 0, now());
