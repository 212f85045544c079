-- What attempts have held of their workers, what it costs, and who pays for it.

ALTER TABLE tasks ADD COLUMN usage jsonb;        -- of an attempt that has ended

ALTER TABLE jobs
    ADD COLUMN usage    jsonb,                   -- of all its attempts that have ended
    ADD COLUMN rates    jsonb,                   -- the prices at which it was run
    ADD COLUMN budget   numeric CHECK (budget > 0),
    ADD COLUMN payer    text,                    -- whose balance pays for it; NULL: nobody's
    ADD COLUMN hold     numeric CHECK (hold >= 0),
    ADD COLUMN charged  numeric NOT NULL DEFAULT 0;

CREATE INDEX jobs_with_hold ON jobs (payer)
    WHERE hold IS NOT NULL AND state IN ('PENDING', 'SCHEDULED', 'RUNNING');

-- Rows are only added: a balance is the sum of its owner's. That of a job outlives the job.
CREATE TABLE wallet_transactions (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner       text NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('payment', 'top_up')),
    amount      numeric NOT NULL,                -- what the balance gains; a payment is negative
    unit        text NOT NULL,
    job_id      text,
    job_total   numeric,                         -- what the job was charged, this payment included
    job_name    text,
    template    text,
    reference   text,                            -- of a top-up: it is added once
    created_by  text,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, job_total),
    UNIQUE (owner, reference),
    CHECK ((kind = 'payment') = (job_id IS NOT NULL))
);
CREATE INDEX wallet_transactions_of_owner ON wallet_transactions (owner, id) INCLUDE (amount);

-- Of owners that have topped up. Locked while a job of theirs is admitted.
CREATE TABLE wallets (
    owner       text PRIMARY KEY,
    short_since timestamptz                      -- since when the balance does not suffice
);

-- What ran an app of ByteNite, for estimates.
CREATE INDEX job_versions_of_app ON job_versions ((document ->> 'appId'), created_at DESC)
    WHERE reason = 'run' AND document ? 'appId';
