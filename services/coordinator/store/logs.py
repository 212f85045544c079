"""The log of a task or of all tasks of a job: pages, newest part first, and where it ends."""

from dataclasses import dataclass
from typing import Literal

from services.coordinator.store.feed import END_OF_FEED, Cursor
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

# Whether parts of the log of a task that has ended are still on their way. Its worker says how many
# parts there are when it has let go of it. What has not come a minute after the end is gone: lost
# with a worker or a broker, or deleted for its age.
_AWAITED = f"""
t.kind = 'task' AND t.node_id IS NOT NULL
AND (t.state = 'RUNNING'
     OR coalesce(coalesce(t.completed_at, t.failed_at) + interval '1 min', t.deadline_at) > now())
AND CASE WHEN t.log_parts IS NULL
         THEN EXISTS (SELECT FROM nodes n WHERE n.id = t.node_id AND n.status = 'UP')
         ELSE t.log_parts > (SELECT count(*) FROM task_log_parts p WHERE p.task_id = t.id
                             AND p.number > (t.dispatch - 1) * {PARTS_PER_DISPATCH}::bigint) END
"""  # noqa: S608 - a number of our own

# One snapshot tells all: is it final, is anything of it behind the cursor, is a part awaited.
END_OF_JOB = f"""
SELECT j.is_final,
       j.is_final
   AND NOT EXISTS (SELECT FROM job_events e
                   WHERE e.job_id = j.id AND (e.txid, e.seq) > ($2, $3))
   AND NOT EXISTS (SELECT FROM task_log_parts p
                   WHERE p.job_id = j.id AND (p.txid, p.seq) > ($2, $3))
   AND NOT EXISTS (SELECT FROM tasks t WHERE t.job_id = j.id AND {_AWAITED}) AS is_complete
FROM (SELECT id, state IN ('COMPLETED', 'FAILED', 'CANCELLED') AS is_final
      FROM jobs WHERE id = $1) AS j
"""  # noqa: S608 - texts of our own

END_OF_TASK = f"""
SELECT t.state IN ('COMPLETED', 'FAILED', 'CANCELLED', 'STOPPED', 'SKIPPED') AS is_final,
       NOT EXISTS (SELECT FROM task_log_parts p
                   WHERE p.task_id = t.id AND (p.txid, p.seq) > ($2, $3))
   AND NOT coalesce({_AWAITED}, false) AS is_complete
FROM tasks t WHERE t.id = $1
"""  # noqa: S608 - texts of our own


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
SELECT task_id, number, contents, created_at, stderr, continues
FROM task_log_parts WHERE job_id = $1
ORDER BY created_at DESC, task_id DESC, number DESC LIMIT $2 OFFSET $3
"""

COUNT_JOB_LOG = "SELECT count(*) FROM task_log_parts WHERE job_id = $1"

TASK_LOG = """
SELECT task_id, number, contents, created_at, stderr, continues
FROM task_log_parts WHERE task_id = $1
ORDER BY number DESC LIMIT $2 OFFSET $3
"""

COUNT_TASK_LOG = "SELECT count(*) FROM task_log_parts WHERE task_id = $1"

SEARCH_JOB_LOG = """
SELECT task_id, number, contents, created_at, stderr, continues FROM task_log_parts
WHERE job_id = $1 AND strpos(lower(contents), lower($2)) > 0
ORDER BY created_at DESC, task_id DESC, number DESC LIMIT $3 OFFSET $4
"""

COUNT_SEARCH_JOB_LOG = """
SELECT count(*) FROM task_log_parts WHERE job_id = $1 AND strpos(lower(contents), lower($2)) > 0
"""

SEARCH_TASK_LOG = """
SELECT task_id, number, contents, created_at, stderr, continues FROM task_log_parts
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
    """A page of it, with what is needed to keep the job's secrets out of the answer.

    `is_complete`: all of the log was there, and no more is to come.
    """

    page: Page[LogRow]
    sealed: str | None
    is_complete: bool


async def log_of(
    connection: Connection, source: LogSource, asked: LogRequest, readers: Readers
) -> Log | None:
    """The parts that hold the text; None when `readers` see no such job or task."""
    owner = await subject_of(connection, source, readers)
    if owner is None:
        return None
    # Asked first: what comes between this and the page is on the page.
    end = await end_of(connection, owner, END_OF_FEED)
    listing, counting = _STATEMENTS[source.kind, bool(asked.text)]
    arguments = [source.id, asked.text] if asked.text else [source.id]
    rows = await connection.fetch(listing, *arguments, asked.page.size, asked.page.offset)
    total = await connection.fetchval(counting, *arguments)
    page = Page(asked.page, [LogRow(**row) for row in rows], total)
    return Log(page, owner.sealed, end.is_final and end.is_complete)
