"""Pages of log parts, newest first, of a task or of all tasks of a job."""

from dataclasses import dataclass

from services.coordinator.store.pages import Page, PageRequest
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

SEALED_OF_JOB = "SELECT sealed FROM jobs WHERE id = $1"

SEALED_OF_TASK = "SELECT j.sealed FROM tasks t JOIN jobs j ON j.id = t.job_id WHERE t.id = $1"


@dataclass(frozen=True, slots=True)
class Log:
    """A page of it, with what is needed to keep the job's secrets out of the answer."""

    page: Page[LogRow]
    sealed: str | None


async def job_log(
    connection: Connection, job_id: str, text: str, request: PageRequest
) -> Log | None:
    """The parts that hold `text`, all when it is empty; None when there is no such job."""
    owner = await connection.fetchrow(SEALED_OF_JOB, job_id)
    if owner is None:
        return None
    lists = (SEARCH_JOB_LOG, COUNT_SEARCH_JOB_LOG) if text else (JOB_LOG, COUNT_JOB_LOG)
    return Log(await _page(connection, lists, (job_id, text), request), owner["sealed"])


async def task_log(
    connection: Connection, task_id: str, text: str, request: PageRequest
) -> Log | None:
    """As `job_log`, of one task."""
    owner = await connection.fetchrow(SEALED_OF_TASK, task_id)
    if owner is None:
        return None
    lists = (SEARCH_TASK_LOG, COUNT_SEARCH_TASK_LOG) if text else (TASK_LOG, COUNT_TASK_LOG)
    return Log(await _page(connection, lists, (task_id, text), request), owner["sealed"])


async def _page(
    connection: Connection, lists: tuple[str, str], asked: tuple[str, str], request: PageRequest
) -> Page[LogRow]:
    listing, counting = lists
    arguments = [value for value in asked if value]
    rows = await connection.fetch(listing, *arguments, request.size, request.offset)
    total = await connection.fetchval(counting, *arguments)
    return Page(request, [LogRow(**row) for row in rows], total)
