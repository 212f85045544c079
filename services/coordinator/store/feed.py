"""The feed: changes and log parts of jobs in one order, read from a cursor on.

A page ends below the oldest transaction that still runs. Rows get their place when they are
written, not when they are committed: without that bound a reader that has seen place 8 would never
see place 7 of a transaction that commits a moment later.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg

from services.coordinator.store.bytenite_jobs import HAS_STAGES
from services.coordinator.store.rows import JsonObject, LogRow, Readers
from shared.postgres.pool import Pool, acquired

# An index has the order. What gathers all that is left and sorts it for each page looks cheaper to
# the planner, which can't know that a job has a million rows.
WALK_IN_ORDER = "SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off"


class JobFacts(NamedTuple):
    """What a list shows of a job beside its state. `partitioned_as` is what clients of ByteNite
    call it, whose job it is; one that `has_stages` is the job of a task with a `partition`."""

    tags: Sequence[str]
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    failed_at: datetime | None
    task_count: int
    schedule_id: str | None
    cancelled_at: datetime | None = None
    cancelled_by: str | None = None
    cancel_reason: str | None = None
    partitioned_as: str | None = None
    has_stages: bool = False


_FACT_COLUMNS = [f"job_{name}" for name in JobFacts._fields]
_FACTS = ", ".join(
    [
        *(f"j.{name} AS job_{name}" for name in JobFacts._fields[:-5]),
        *(
            f"CASE WHEN j.state = 'CANCELLED' THEN j.{name} END AS job_{name}"
            for name in JobFacts._fields[-5:-2]
        ),
        "(SELECT i.name FROM job_identities i WHERE i.job_id = j.id AND i.language = 'bytenite') "
        "AS job_partitioned_as",
        f"{HAS_STAGES} AS job_has_stages",
    ]
)
_NO_FACTS = ", ".join(f"NULL AS {column}" for column in _FACT_COLUMNS)

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"


def _feed(changes: str, parts: str) -> str:
    """At most $3 rows behind ($1, $2); the conditions say of which changes and log parts."""
    return f"""
SELECT h.horizon, f.* FROM (
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS horizon
) h LEFT JOIN LATERAL (
    (SELECT e.txid, e.seq, e.job_id, j.name AS job_name, j.readers, j.sealed, e.changes,
            NULL AS task_id, NULL::int AS number, NULL AS contents, NULL::timestamptz AS created_at,
            NULL::int[] AS stderr, NULL::bool AS continues, NULL::bigint AS previous_txid,
            NULL::bigint AS previous_seq, {_FACTS}
     FROM job_events e JOIN jobs j ON j.id = e.job_id
     WHERE (e.txid, e.seq) > ($1, $2) AND e.txid < h.horizon AND {changes}
     ORDER BY e.txid, e.seq LIMIT $3)
    UNION ALL
    (SELECT p.txid, p.seq, p.job_id, j.name, j.readers, j.sealed, NULL,
            p.task_id, p.number, p.contents, p.created_at, p.stderr, p.continues, q.txid, q.seq,
            {_NO_FACTS}
     FROM task_log_parts p JOIN jobs j ON j.id = p.job_id
     LEFT JOIN task_log_parts q ON q.task_id = p.task_id AND q.number = p.number - 1
     WHERE (p.txid, p.seq) > ($1, $2) AND p.txid < h.horizon AND {parts}
     ORDER BY p.txid, p.seq LIMIT $3)
    ORDER BY txid, seq LIMIT $3
) f ON true
ORDER BY f.txid, f.seq
"""  # noqa: S608 - conditions of our own


# $4: the jobs, null for all; $5: the readers of whom a job must have one, null for all jobs;
# $6: whether log parts are wanted.
_READABLE = "($5::text[] IS NULL OR j.readers = '{}' OR j.readers && $5)"
FEED = _feed(
    f"($4::text[] IS NULL OR e.job_id = ANY($4)) AND {_READABLE}",
    f"$6::boolean AND ($4::text[] IS NULL OR p.job_id = ANY($4)) AND {_READABLE}",
)

# The same of one job by its own index: a page costs what is in it, however long ago it was.
# $5: only this task's log, and no changes; $6 as above.
FEED_OF_JOB = _feed(
    "e.job_id = $4 AND $5::text IS NULL",
    "$6::boolean AND p.job_id = $4 AND ($5::text IS NULL OR p.task_id = $5)",
)


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the feed: what is read next comes after it."""

    txid: int
    seq: int


BEGINNING = Cursor(0, 0)
END_OF_FEED = Cursor(2**63 - 1, 0)


class Kind(StrEnum):
    """What a row tells."""

    JOB = "job"
    TASK = "task"
    JOB_PROGRESS = "progress of jobs"
    TASK_PROGRESS = "progress of tasks"
    LOG = "log"


ALL_KINDS = frozenset(Kind)


def kind_of(change: Mapping[str, Any]) -> Kind:
    """Of a change, as it is stored."""
    if change.get("task_id") is None:
        return Kind.JOB_PROGRESS if change.get("is_progress") else Kind.JOB
    return Kind.TASK_PROGRESS if change.get("is_progress") else Kind.TASK


@dataclass(frozen=True, slots=True)
class FeedPart:
    """A log part; `previous` is the place of the part before it in its task, if that is stored."""

    row: LogRow
    previous: Cursor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRow:
    """One transaction's `changes` of one job (as `shared.messages.Change`), or one log `part`.

    `readers` and `sealed` as in the job's row. `kinds` are those of its changes. `job` comes with
    changes.
    """

    cursor: Cursor
    job_id: str
    job_name: str
    readers: frozenset[str]
    sealed: str | None
    changes: Sequence[JsonObject] = ()
    kinds: frozenset[Kind] = ALL_KINDS
    part: FeedPart | None = None
    job: JobFacts | None = None


@dataclass(frozen=True, slots=True)
class FeedPage:
    """`cursor` is where the next page begins; a page that `is_last` has all there was."""

    rows: Sequence[FeedRow]
    cursor: Cursor
    is_last: bool


class Feed:
    """Pages of the feed. Every method raises DatabaseUnavailable."""

    def __init__(self, pool: Pool, *, page_rows: int = 200) -> None:
        self._pool = pool
        self._page_rows = page_rows

    async def now(self) -> Cursor:
        """Behind all that is known to be there."""
        async with acquired(self._pool) as connection:
            return Cursor(await connection.fetchval(HORIZON), 0)

    async def page(
        self,
        after: Cursor,
        *,
        jobs: Collection[str] | None,
        readers: Readers,
        with_logs: bool = True,
    ) -> FeedPage:
        """Of `jobs` (None: all) that have no readers or one of `readers` (None: all)."""
        ids = None if jobs is None else list(jobs)
        asked = (after.txid, after.seq, self._page_rows, ids, readers, with_logs)
        return self._page(after, await self._fetch(FEED, *asked))

    async def page_of_job(
        self, after: Cursor, job_id: str, *, task_id: str | None = None, with_logs: bool = True
    ) -> FeedPage:
        """With `task_id` only the log parts of that task."""
        asked = (after.txid, after.seq, self._page_rows, job_id, task_id, with_logs)
        return self._page(after, await self._fetch(FEED_OF_JOB, *asked))

    async def _fetch(self, sql: str, *asked: object) -> Sequence[asyncpg.Record]:
        async with acquired(self._pool) as connection, connection.transaction(readonly=True):
            await connection.execute(WALK_IN_ORDER)
            records: Sequence[asyncpg.Record] = await connection.fetch(sql, *asked)
            return records

    def _page(self, after: Cursor, records: Sequence[asyncpg.Record]) -> FeedPage:
        rows = [_row(record) for record in records if record["txid"] is not None]
        if len(rows) == self._page_rows:
            return FeedPage(rows, rows[-1].cursor, is_last=False)
        # Another server's horizon may be behind (a standby that took over): never go back.
        return FeedPage(rows, max(after, Cursor(records[0]["horizon"], 0)), is_last=True)


def _row(record: Mapping[str, Any]) -> FeedRow:
    return FeedRow(
        cursor=Cursor(record["txid"], record["seq"]),
        job_id=record["job_id"],
        job_name=record["job_name"],
        readers=frozenset(record["readers"]),
        sealed=record["sealed"],
        changes=record["changes"] or (),
        kinds=frozenset(map(kind_of, record["changes"] or ())) or _LOG_KINDS,
        part=_part(record) if record["task_id"] is not None else None,
        job=_facts(record) if record["task_id"] is None else None,
    )


_LOG_KINDS = frozenset({Kind.LOG})


def _facts(record: Mapping[str, Any]) -> JobFacts:
    return JobFacts._make(record[column] for column in _FACT_COLUMNS)


def _part(record: Mapping[str, Any]) -> FeedPart:
    previous = record["previous_txid"]
    return FeedPart(
        LogRow(
            task_id=record["task_id"],
            number=record["number"],
            contents=record["contents"],
            created_at=record["created_at"],
            stderr=record["stderr"],
            continues=record["continues"],
        ),
        None if previous is None else Cursor(previous, record["previous_seq"]),
    )
