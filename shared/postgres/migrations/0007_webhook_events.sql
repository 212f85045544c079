-- The changes of jobs with webhooks, written with the change itself, until a dispatcher has made the
-- deliveries of them. Nothing that RabbitMQ loses can lose a webhook.

CREATE TABLE webhook_events (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id   text NOT NULL,
    changes  jsonb NOT NULL,                     -- a list, in the order they were decided
    due_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX webhook_events_due ON webhook_events (due_at);
CREATE INDEX webhook_events_of_job ON webhook_events (job_id);
