-- What waits is looked for queue by queue: which queues there are, and the oldest in each.
CREATE INDEX tasks_waiting_in_queue ON tasks (queue, scheduled_at) WHERE state = 'SCHEDULED';
DROP INDEX tasks_waiting;
