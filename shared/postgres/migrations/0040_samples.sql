-- What the cluster and its queues did over time: one row for each sample, and later one for each
-- five minutes. Histograms count by the number of their bucket.

CREATE TABLE cluster_samples (
    at              timestamptz PRIMARY KEY,       -- the end of what it covers
    is_thinned      boolean NOT NULL DEFAULT false,
    samples         integer NOT NULL DEFAULT 1,    -- how many were merged
    seconds         double precision NOT NULL,     -- how long it covers; 0: nothing was counted
    jobs_submitted  integer NOT NULL,
    jobs_completed  integer NOT NULL,
    jobs_failed     integer NOT NULL,
    jobs_cancelled  integer NOT NULL,
    tasks_completed integer NOT NULL,
    tasks_failed    integer NOT NULL,
    tasks_running   double precision NOT NULL,
    workers         double precision NOT NULL,
    cpu_percent     double precision NOT NULL,
    job_latency     jsonb NOT NULL,
    queue_time      jsonb NOT NULL
);
CREATE INDEX cluster_samples_to_thin ON cluster_samples (at) WHERE NOT is_thinned;

CREATE TABLE queue_samples (
    queue           text NOT NULL,
    at              timestamptz NOT NULL,
    is_thinned      boolean NOT NULL DEFAULT false,
    samples         integer NOT NULL DEFAULT 1,
    seconds         double precision NOT NULL,
    size            double precision NOT NULL,
    max_size        integer NOT NULL,
    oldest_seconds  double precision,              -- null: nothing waited
    subscribers     double precision NOT NULL,
    running         double precision NOT NULL,
    scheduled       integer NOT NULL,
    started         integer NOT NULL,
    PRIMARY KEY (queue, at)
);
CREATE INDEX queue_samples_age ON queue_samples (at);
CREATE INDEX queue_samples_to_thin ON queue_samples (at) WHERE NOT is_thinned;

-- The place in the feed up to which was counted, and when. One scheduler at a time has the row.
CREATE TABLE sampling (
    is_only     boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    txid        bigint NOT NULL,
    sampled_at  timestamptz NOT NULL
);
INSERT INTO sampling (txid, sampled_at)
VALUES (pg_snapshot_xmin(pg_current_snapshot())::text::bigint, '-infinity');
