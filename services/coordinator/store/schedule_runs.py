"""What became of the firings of schedules: as scheduler and coordinators have written it down."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from services.coordinator.store.rows import Page, PageRequest
from shared.postgres.pool import Connection

_COLUMNS = """
r.kind, r.state, r.scheduled_at, r.until, r.reason, r.job_id, j.state AS job_state, r.at
"""

LIST = f"""
SELECT {_COLUMNS} FROM schedule_runs r LEFT JOIN jobs j ON j.id = r.job_id AND r.state = 'FIRED'
WHERE r.schedule_id = $1 AND ($4::text[] IS NULL OR r.state = ANY($4))
ORDER BY r.scheduled_at DESC, r.id DESC LIMIT $2 OFFSET $3
"""  # noqa: S608 - columns of our own

COUNT = """
SELECT count(*) FROM schedule_runs
WHERE schedule_id = $1 AND ($2::text[] IS NULL OR state = ANY($2))
"""

TRIGGERED = f"""
SELECT {_COLUMNS} FROM schedule_runs r LEFT JOIN jobs j ON j.id = r.job_id AND r.state = 'FIRED'
WHERE r.kind = 'TRIGGERED' AND r.job_id = $1 ORDER BY r.id DESC LIMIT 1
"""  # noqa: S608 - columns of our own

LAST = f"""
SELECT s.id, run.* FROM unnest($1::text[]) AS s (id)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS}
    FROM schedule_runs r LEFT JOIN jobs j ON j.id = r.job_id AND r.state = 'FIRED'
    WHERE r.schedule_id = s.id ORDER BY r.scheduled_at DESC, r.id DESC LIMIT 1) AS run
"""  # noqa: S608 - columns of our own

THERE = """
SELECT id FROM jobs WHERE id = ANY($2::text[])
UNION SELECT job_id FROM schedule_runs
WHERE schedule_id = $1 AND scheduled_at = ANY($3::timestamptz[])
  AND state <> 'SKIPPED' AND job_id IS NOT NULL
"""

ADD = """
INSERT INTO schedule_runs (schedule_id, kind, state, scheduled_at, job_id)
SELECT $1, $2, $3, * FROM unnest($4::timestamptz[], $5::text[])
"""


class NewRun(NamedTuple):
    """A firing, and the job that it makes now, or will make when its turn comes."""

    scheduled_at: datetime
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """`until`: of a range of firings the last. `job_state` is None when the job is deleted."""

    kind: str
    state: str
    scheduled_at: datetime
    until: datetime | None
    reason: str | None
    job_id: str | None
    job_state: str | None
    at: datetime


async def add(
    connection: Connection, schedule_id: str, kind: str, state: str, runs: Sequence[NewRun]
) -> None:
    if runs:
        times, ids = map(list, zip(*runs, strict=True))
        await connection.execute(ADD, schedule_id, kind, state, times, ids)


async def there(connection: Connection, schedule_id: str, runs: Sequence[NewRun]) -> set[str]:
    """Those of its jobs that exist, existed, or wait for their turn."""
    times, ids = map(list, zip(*runs, strict=True))
    return {row["id"] for row in await connection.fetch(THERE, schedule_id, ids, times)}


async def triggered(connection: Connection, job_id: str) -> RunRow | None:
    """That makes that job, now or when its turn comes."""
    row = await connection.fetchrow(TRIGGERED, job_id)
    return RunRow(**row) if row else None


async def last(connection: Connection, ids: Sequence[str]) -> dict[str, RunRow]:
    """The newest run of each of these schedules that has one."""
    rows = [dict(row) for row in await connection.fetch(LAST, ids)]
    return {row.pop("id"): RunRow(**row) for row in rows}


async def page(
    connection: Connection,
    schedule_id: str,
    request: PageRequest,
    states: Sequence[str] | None = None,
) -> Page[RunRow]:
    """Newest first; None: in any state."""
    rows = await connection.fetch(LIST, schedule_id, request.size, request.offset, states)
    total = await connection.fetchval(COUNT, schedule_id, states)
    return Page(request, [RunRow(**row) for row in rows], total)
