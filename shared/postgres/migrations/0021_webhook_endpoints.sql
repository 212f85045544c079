-- Standing subscriptions; deliveries that are kept after they ended, with each attempt; and what
-- endpoints are told of that no job has: schedules, and endpoints themselves.

CREATE TABLE webhook_endpoints (
    id               text PRIMARY KEY,
    description      text NOT NULL DEFAULT '',
    url              text NOT NULL,                -- sealed, as it may hold a token
    receiver         text NOT NULL,                -- its scheme, host and port
    events           text[] NOT NULL,
    filter           text,                         -- an expression; null: all
    tags             text[] NOT NULL DEFAULT '{}', -- one of them, if there are any
    headers          jsonb NOT NULL DEFAULT '{}',  -- name to sealed value
    secrets          jsonb NOT NULL,               -- [{"secret": sealed, "endsAt": time or null}]
    format           text NOT NULL DEFAULT 'standard' CHECK (format IN ('tork', 'standard')),
    payload          text NOT NULL DEFAULT 'full' CHECK (payload IN ('full', 'thin')),
    rate_per_second  double precision,             -- null: unlimited
    retry_on         integer[] NOT NULL DEFAULT '{}',
    ordered          boolean NOT NULL DEFAULT false,
    disabled_at      timestamptz,
    disabled_reason  text,
    failing_since    timestamptz,                  -- the first failure that no success followed
    failing_told_at  timestamptz,                  -- when endpoint.Failing was announced
    created_by       text,                         -- as in jobs
    readers          text[] NOT NULL DEFAULT '{}', -- as in jobs: who may see the endpoint
    hears            text[],                       -- whose jobs it is told of; null: all
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL
);
CREATE INDEX webhook_endpoints_newest ON webhook_endpoints (created_at DESC, id DESC);

-- A delivery that has ended keeps its row: due never (infinity), which older dispatchers pass over.
-- (job_id, version) doesn't name it any more: endpoints hear of the same change, and of other things
-- than jobs; its id is made of all that does.
ALTER TABLE webhook_deliveries
    DROP CONSTRAINT webhook_deliveries_job_id_version_webhook_key,
    ADD COLUMN receiver    text NOT NULL DEFAULT '',
    ADD COLUMN owner       text NOT NULL DEFAULT '',   -- who shares places with nobody else
    ADD COLUMN endpoint_id text REFERENCES webhook_endpoints ON DELETE CASCADE,
    ADD COLUMN event       text NOT NULL DEFAULT '',
    ADD COLUMN state       text NOT NULL DEFAULT 'PENDING'
        CONSTRAINT webhook_deliveries_state_check
        CHECK (state IN ('PENDING', 'DELIVERED', 'FAILED')),
    ADD COLUMN is_ordered  boolean NOT NULL DEFAULT false,
    ADD COLUMN ended_at    timestamptz,
    ADD COLUMN first_at    timestamptz;                -- the first attempt since it was last sent
CREATE INDEX webhook_deliveries_of_job ON webhook_deliveries (job_id, version);
CREATE INDEX webhook_deliveries_of_receiver ON webhook_deliveries (receiver, next_at)
    WHERE state = 'PENDING';
CREATE INDEX webhook_deliveries_of_endpoint ON webhook_deliveries (endpoint_id, created_at DESC)
    WHERE endpoint_id IS NOT NULL;
CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE webhook_attempts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    delivery_id  text NOT NULL REFERENCES webhook_deliveries ON DELETE CASCADE,
    number       integer NOT NULL,
    at           timestamptz NOT NULL,
    duration_ms  double precision NOT NULL,
    status       integer,                          -- null: no answer
    error        text,                             -- null: the receiver took it
    answer       text                              -- the head of its body, redacted
);
CREATE INDEX webhook_attempts_of_delivery ON webhook_attempts (delivery_id, id);

CREATE TABLE webhook_notices (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event        text NOT NULL,                    -- schedule.Fired, endpoint.Failing, ...
    data         jsonb NOT NULL,
    readers      text[] NOT NULL DEFAULT '{}',     -- as in jobs: of what it is about
    endpoint_id  text,                             -- the only one that is told; null: all that ask
    at           timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at       timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_notices_due ON webhook_notices (due_at);
