"""Pages of log parts, newest first, of a task or of all tasks of a job."""

from dataclasses import dataclass

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

SEALED_OF_JOB = """
SELECT sealed FROM jobs
WHERE id = $1 AND ($2::text[] IS NULL OR readers = '{}' OR readers && $2)
"""

SEALED_OF_TASK = """
SELECT j.sealed FROM tasks t JOIN jobs j ON j.id = t.job_id
WHERE t.id = $1 AND ($2::text[] IS NULL OR j.readers = '{}' OR j.readers && $2)
"""


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


async def job_log(
    connection: Connection, job_id: str, asked: LogRequest, readers: Readers
) -> Log | None:
    """The parts that hold the text; None when `readers` see no such job."""
    owner = await connection.fetchrow(SEALED_OF_JOB, job_id, readers)
    if owner is None:
        return None
    lists = (SEARCH_JOB_LOG, COUNT_SEARCH_JOB_LOG) if asked.text else (JOB_LOG, COUNT_JOB_LOG)
    return Log(await _page(connection, lists, job_id, asked), owner["sealed"])


async def task_log(
    connection: Connection, task_id: str, asked: LogRequest, readers: Readers
) -> Log | None:
    """As `job_log`, of one task."""
    owner = await connection.fetchrow(SEALED_OF_TASK, task_id, readers)
    if owner is None:
        return None
    lists = (SEARCH_TASK_LOG, COUNT_SEARCH_TASK_LOG) if asked.text else (TASK_LOG, COUNT_TASK_LOG)
    return Log(await _page(connection, lists, task_id, asked), owner["sealed"])


async def _page(
    connection: Connection, lists: tuple[str, str], owner: str, asked: LogRequest
) -> Page[LogRow]:
    listing, counting = lists
    arguments = [owner, asked.text] if asked.text else [owner]
    rows = await connection.fetch(listing, *arguments, asked.page.size, asked.page.offset)
    total = await connection.fetchval(counting, *arguments)
    return Page(asked.page, [LogRow(**row) for row in rows], total)
