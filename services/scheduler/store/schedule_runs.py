"""What became of each firing of a schedule, for those who ask."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from shared.postgres.pool import Connection, rows_touched

KINDS_OF_HELD = """
SELECT schedule_id, scheduled_at, kind FROM schedule_runs
WHERE schedule_id = ANY($1::text[]) AND state = 'HELD'
"""

DELETE_HELD = """
DELETE FROM schedule_runs r USING unnest($1::text[], $2::timestamptz[]) AS h (id, at)
WHERE r.schedule_id = h.id AND r.scheduled_at = h.at AND r.state = 'HELD'
"""

ADD = """
INSERT INTO schedule_runs (schedule_id, kind, state, scheduled_at, until, reason, job_id)
SELECT * FROM jsonb_to_recordset($1) AS r (
    schedule_id text, kind text, state text, scheduled_at timestamptz, until timestamptz,
    reason text, job_id text)
"""

OLD_RUNS = """
DELETE FROM schedule_runs WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM schedule_runs
    WHERE at < now() - $1::interval AND state <> 'HELD' LIMIT 5000))
"""

BY_RULES = "SCHEDULED"


class Run(NamedTuple):
    """`until`: of a range of firings the last; `reason`: why it was skipped."""

    schedule_id: str
    kind: str
    state: str
    scheduled_at: datetime
    until: datetime | None = None
    reason: str | None = None
    job_id: str | None = None


async def kinds_of_held(
    connection: Connection, schedule_ids: Collection[str]
) -> dict[tuple[str, datetime], str]:
    """By schedule and time, of the firings that wait, by what they were made."""
    if not schedule_ids:
        return {}
    rows = await connection.fetch(KINDS_OF_HELD, list(schedule_ids))
    return {(row["schedule_id"], row["scheduled_at"]): row["kind"] for row in rows}


async def add(connection: Connection, runs: Sequence[Run]) -> None:
    if runs:
        await connection.execute(ADD, [run._asdict() for run in runs])


async def delete_held(connection: Connection, settled: Collection[tuple[str, datetime]]) -> None:
    """Those that wait no longer."""
    if settled:
        ids, times = map(list, zip(*settled, strict=True))
        await connection.execute(DELETE_HELD, ids, times)


async def delete_old(connection: Connection, age: timedelta) -> int:
    return rows_touched(await connection.execute(OLD_RUNS, age))
