"""Pages of log parts, newest first, of a task or of all tasks of a job."""

from dataclasses import dataclass

from services.coordinator.store.log_ends import LogSource, subject_of
from services.coordinator.store.pages import Page, PageRequest
from services.coordinator.store.readers import Readers
from services.coordinator.store.rows import LogRow
from shared.postgres.pool import Connection

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
