"""What Postgres says of the jobs, of what is still under way, and of the webhooks that are owed."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from shared.jobspec.arvados.uuids import JOB, uuid_of
from tests.chaos.receiver import Event

JOBS = """
SELECT id, name, state, result, error FROM jobs
WHERE starts_with(name, $1) ORDER BY created_at
"""

# Two services may hold each other's rows for a moment; what lasts is forgotten.
LEFT = """
SELECT (SELECT count(*) FROM jobs WHERE state IN ('PENDING', 'SCHEDULED', 'RUNNING'))
           AS "active jobs",
       (SELECT count(*) FROM tasks WHERE state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING'))
           AS "active tasks",
       (SELECT count(*) FROM tasks WHERE lease_expires_at IS NOT NULL) AS leases,
       (SELECT count(*) FROM outbox) AS "outbox rows",
       (SELECT count(*) FROM webhook_events) AS "webhook events",
       (SELECT count(*) FROM webhook_deliveries WHERE state = 'PENDING') AS "owed webhooks",
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS "advisory locks",
       (SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'
            AND state_change < clock_timestamp() - interval '5 s') AS "forgotten transactions"
"""

OWED = """
SELECT j.id AS job_id, (c.change ->> 'version')::int AS version, w.place - 1 AS place
FROM jobs j
CROSS JOIN jsonb_array_elements(j.webhooks) WITH ORDINALITY AS w(hook, place)
JOIN job_events e ON e.job_id = j.id
CROSS JOIN jsonb_array_elements(e.changes) AS c(change)
WHERE starts_with(j.name, $1)
  AND NOT coalesce((c.change ->> 'is_progress')::bool, false)
  AND (c.change ->> 'task_id' IS NOT NULL) = (w.hook ->> 'event' IS NOT DISTINCT FROM $2)
"""

REUSED_TASKS = """
SELECT t.job_id, t.id, t.result, from_.id AS reused_from, coalesce(
           t.state = 'COMPLETED' AND from_.state = 'COMPLETED' AND t.started_at IS NULL
           AND (t.fingerprint, t.result) IS NOT DISTINCT FROM (from_.fingerprint, from_.result),
           false) AS is_same
FROM tasks t JOIN jobs j ON j.id = t.job_id LEFT JOIN tasks from_ ON from_.id = t.reused_from
WHERE starts_with(j.name, $1) AND t.reused_from IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class ReusedTask:
    """`is_same`: it ended as a completed task of the same work, and was sent to no worker."""

    job_id: str
    id: str
    result: str | None
    reused_from: str | None
    is_same: bool


@dataclass(frozen=True, slots=True)
class JobRow:
    id: str
    name: str
    state: str
    result: str | None
    error: str | None

    @property
    def uuid(self) -> str:
        """By which Arvados' API names it."""
        return uuid_of(JOB, self.id)

    @property
    def is_final(self) -> bool:
        return self.state in ("COMPLETED", "FAILED", "CANCELLED")


class Accounts:
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def jobs(self, prefix: str) -> Sequence[JobRow]:
        """Those of that name or beginning, sub-jobs included."""
        return [JobRow(**dict(row)) for row in await self._connection.fetch(JOBS, prefix)]

    async def reused_tasks(self, prefix: str) -> Sequence[ReusedTask]:
        rows = await self._connection.fetch(REUSED_TASKS, prefix)
        return [ReusedTask(**dict(row)) for row in rows]

    async def left(self) -> dict[str, int]:
        """How many there still are of what a system at rest has none of."""
        row = await self._connection.fetchrow(LEFT)
        assert row is not None
        return {name: count for name, count in row.items() if count}

    async def owed(self, prefix: str) -> set[Event]:
        """Every event that the webhooks of these jobs asked for, delivered or not."""
        rows = await self._connection.fetch(OWED, prefix, "task.StateChange")
        return {(row["job_id"], row["version"], str(row["place"])) for row in rows}
