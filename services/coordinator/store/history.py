"""What has happened to a job and its executions, numbered, from the feed's own rows.

A page ends below the oldest transaction that still runs, as one of the feed does: a number that was
shown is nobody else's later.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.postgres.pool import Connection


class HistoryPlace(NamedTuple):
    """Behind which change of which row of the feed a page ends, and how many came before."""

    txid: int
    seq: int
    change: int
    number: int


FROM_THE_START = HistoryPlace(0, 0, 0, 0)

# $7: since when; $8: of the job ('job') or of executions ('execution'); $9: the beginning of an
# execution's id; $10: a node's id; $11: a version of the job.
HISTORY = """
SELECT * FROM (
    SELECT e.txid, e.seq, c.ordinality::int AS change,
           $6 + row_number() OVER (ORDER BY e.txid, e.seq, c.ordinality) AS number, e.at,
           c.value->>'state' AS state, (c.value->>'at')::timestamptz AS happened_at,
           c.value->>'task_id' AS execution_id, c.value->>'node_id' AS node_id,
           c.value->>'error' AS error, (c.value->>'version')::int AS revision,
           coalesce(t.spec_version,
                    (SELECT max(v.version) FROM job_versions v
                     WHERE v.job_id = $1 AND v.created_at <= e.at), 1) AS version
    FROM job_events e, jsonb_array_elements(e.changes) WITH ORDINALITY AS c(value, ordinality)
    LEFT JOIN tasks t ON t.id = c.value->>'task_id'
    WHERE e.job_id = $1
      AND e.txid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
      AND (e.txid, e.seq) >= ($2, $3) AND (e.txid, e.seq, c.ordinality) > ($2, $3, $4)
      AND NOT coalesce((c.value->>'is_progress')::boolean, false)
      AND (c.value->>'task_id' IS NULL OR c.value->>'parent_id' IS NOT NULL)
) AS history
WHERE ($7::timestamptz IS NULL OR at >= $7)
  AND ($8::text IS NULL OR (execution_id IS NULL) = ($8 = 'job'))
  AND ($9::text IS NULL OR starts_with(execution_id, $9))
  AND ($10::text IS NULL OR node_id = $10)
  AND ($11::int IS NULL OR version = $11)
ORDER BY number LIMIT $5
"""


ON_ITS_WAY = """
SELECT EXISTS (SELECT FROM job_events
               WHERE job_id = $1 AND txid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
"""


class HistoryRow(NamedTuple):
    """One change of the job, or of an execution of it: `state` is the new one, in our words."""

    txid: int
    seq: int
    change: int
    number: int
    at: datetime
    state: str
    happened_at: datetime
    execution_id: str | None
    node_id: str | None
    error: str | None
    revision: int
    version: int

    @property
    def place(self) -> HistoryPlace:
        return HistoryPlace(self.txid, self.seq, self.change, self.number)


class HistoryFilter(NamedTuple):
    """What is None asks for nothing."""

    since: datetime | None = None
    level: str | None = None
    execution: str | None = None
    node_id: str | None = None
    version: int | None = None


async def is_on_its_way(connection: Connection, job_id: str) -> bool:
    """Whether something has happened to the job that no page shows yet."""
    found: bool = await connection.fetchval(ON_ITS_WAY, job_id)
    return found


async def history(
    connection: Connection,
    job_id: str,
    asked: HistoryFilter,
    after: HistoryPlace,
    limit: int,
) -> Sequence[HistoryRow]:
    place: tuple[Any, ...] = (after.txid, after.seq, after.change, limit, after.number)
    rows = await connection.fetch(HISTORY, job_id, *place, *asked)
    return [HistoryRow(*row) for row in rows]
