"""The log of a task or of all tasks of a job: pages, newest part first, and where it ends."""

from dataclasses import dataclass
from typing import Literal

from services.coordinator.store.feed import Cursor
from services.coordinator.store.rows import LogRow, Page, PageRequest, Readers
from shared.messages import PARTS_PER_DISPATCH
from shared.postgres.pool import Connection

OWNING_JOB = """
SELECT id AS job_id, NULL AS task_id, sealed FROM jobs
WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

OWNING_TASK = """
SELECT t.job_id, t.id AS task_id, j.sealed FROM tasks t JOIN jobs j ON j.id = t.job_id
WHERE t.id = $1 AND ($2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2)
"""

# One snapshot tells all: is it final, is anything of it behind the cursor, are there parts missing
# of those that the last dispatch has written. A part that has not come some seconds after its task
# has ended is gone (deleted for its age, say). A task that was cancelled while it ran can't tell
# how many parts it has: its last words are waited for.
END_OF_JOB = f"""
SELECT j.state IN ('COMPLETED', 'FAILED', 'CANCELLED') AS is_final,
       NOT EXISTS (SELECT FROM job_events e
                   WHERE e.job_id = j.id AND (e.txid, e.seq) > ($2, $3))
   AND NOT EXISTS (SELECT FROM task_log_parts p
                   WHERE p.job_id = j.id AND (p.txid, p.seq) > ($2, $3))
   AND NOT EXISTS (SELECT FROM tasks t
                   WHERE t.job_id = j.id AND t.log_parts > 0
                     AND coalesce(t.completed_at, t.failed_at) > now() - interval '10 s'
                     AND t.log_parts > (
                         SELECT count(*) FROM task_log_parts p WHERE p.task_id = t.id
                         AND p.number > (t.dispatch - 1) * {PARTS_PER_DISPATCH}::bigint))
   AND NOT (EXISTS (SELECT FROM tasks t
                    WHERE t.job_id = j.id AND t.state = 'CANCELLED' AND t.node_id IS NOT NULL)
            AND coalesce((SELECT e.at FROM job_events e WHERE e.job_id = j.id
                          ORDER BY e.txid DESC, e.seq DESC LIMIT 1), '-infinity')
                > now() - interval '3 s') AS is_complete
FROM jobs j WHERE j.id = $1
"""  # noqa: S608 - a number of our own

END_OF_TASK = f"""
SELECT t.state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'STOPPED', 'SKIPPED') AS is_final,
       NOT EXISTS (SELECT FROM task_log_parts p
                   WHERE p.task_id = t.id AND (p.txid, p.seq) > ($2, $3))
   AND NOT (coalesce(t.completed_at, t.failed_at, '-infinity') > now() - interval '10 s'
            AND coalesce(t.log_parts, 0) > (
                SELECT count(*) FROM task_log_parts p WHERE p.task_id = t.id
                AND p.number > (t.dispatch - 1) * {PARTS_PER_DISPATCH}::bigint))
   AND NOT (t.state = 'CANCELLED' AND t.node_id IS NOT NULL
            AND coalesce((SELECT e.at FROM job_events e WHERE e.job_id = t.job_id
                          ORDER BY e.txid DESC, e.seq DESC LIMIT 1), '-infinity')
                > now() - interval '3 s') AS is_complete
FROM tasks t WHERE t.id = $1
"""  # noqa: S608 - a number of our own


@dataclass(frozen=True, slots=True)
class LogSource:
    """Whose log a client asks for, by the id it names."""

    kind: Literal["job", "task"]
    id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What was found: a job, or (`task_id`) one of its tasks; `sealed` as the job's row has it."""

    job_id: str
    task_id: str | None = None
    sealed: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """`is_complete`: nothing of its log is missing or behind the place that was named."""

    is_final: bool
    is_complete: bool


_GONE = End(is_final=True, is_complete=True)


async def subject_of(connection: Connection, source: LogSource, readers: Readers) -> Subject | None:
    """None when there is no such thing, or not for one of `readers` (None: all jobs)."""
    owning = {"job": OWNING_JOB, "task": OWNING_TASK}[source.kind]
    row = await connection.fetchrow(owning, source.id, readers)
    return Subject(*row) if row else None


async def end_of(connection: Connection, subject: Subject, seen: Cursor) -> End:
    """How far it is, for somebody who has seen the feed up to `seen`."""
    if subject.task_id is None:
        row = await connection.fetchrow(END_OF_JOB, subject.job_id, seen.txid, seen.seq)
    else:
        row = await connection.fetchrow(END_OF_TASK, subject.task_id, seen.txid, seen.seq)
    return End(**row) if row else _GONE


JOB_LOG = """
SELECT task_id, number, contents, created_at FROM task_log_parts WHERE job_id = $1
ORDER BY created_at DESC, task_id DESC, number DESC LIMIT $2 OFFSET $3
"""

COUNT_JOB_LOG = "SELECT count(*) FROM task_log_parts WHERE job_id = $1"

TASK_LOG = """
SELECT task_id, number, contents, created_at FROM task_log_parts WHERE task_id = $1
ORDER BY number DESC LIMIT $2 OFFSET $3
"""

COUNT_TASK_LOG = "SELECT count(*) FROM task_log_parts WHERE task_id = $1"

SEARCH_JOB_LOG = """
SELECT task_id, number, contents, created_at FROM task_log_parts
WHERE job_id = $1 AND strpos(lower(contents), lower($2)) > 0
ORDER BY created_at DESC, task_id DESC, number DESC LIMIT $3 OFFSET $4
"""

COUNT_SEARCH_JOB_LOG = """
SELECT count(*) FROM task_log_parts WHERE job_id = $1 AND strpos(lower(contents), lower($2)) > 0
"""

SEARCH_TASK_LOG = """
SELECT task_id, number, contents, created_at FROM task_log_parts
WHERE task_id = $1 AND strpos(lower(contents), lower($2)) > 0
ORDER BY number DESC LIMIT $3 OFFSET $4
"""

COUNT_SEARCH_TASK_LOG = """
SELECT count(*) FROM task_log_parts WHERE task_id = $1 AND strpos(lower(contents), lower($2)) > 0
"""

_STATEMENTS = {
    ("job", False): (JOB_LOG, COUNT_JOB_LOG),
    ("job", True): (SEARCH_JOB_LOG, COUNT_SEARCH_JOB_LOG),
    ("task", False): (TASK_LOG, COUNT_TASK_LOG),
    ("task", True): (SEARCH_TASK_LOG, COUNT_SEARCH_TASK_LOG),
}


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Which parts: those that hold `text`, all when it is empty."""

    text: str
    page: PageRequest


@dataclass(frozen=True, slots=True)
class Log:
    """A page of it, with what is needed to keep the job's secrets out of the answer."""

    page: Page[LogRow]
    sealed: str | None


async def log_of(
    connection: Connection, source: LogSource, asked: LogRequest, readers: Readers
) -> Log | None:
    """The parts that hold the text; None when `readers` see no such job or task."""
    owner = await subject_of(connection, source, readers)
    if owner is None:
        return None
    listing, counting = _STATEMENTS[source.kind, bool(asked.text)]
    arguments = [source.id, asked.text] if asked.text else [source.id]
    rows = await connection.fetch(listing, *arguments, asked.page.size, asked.page.offset)
    total = await connection.fetchval(counting, *arguments)
    return Log(Page(asked.page, [LogRow(**row) for row in rows], total), owner.sealed)
