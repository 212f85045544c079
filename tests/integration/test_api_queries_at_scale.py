"""With 100,000 jobs no query of the API reads a whole table."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import (
    cluster,
    job_header,
    job_list,
    job_queue,
    log_lines,
    log_parts,
    log_search,
    logs,
    node_details,
    one_job,
    task_list,
    tasks_summary,
)
from shared.store import queues_in_use
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.servers.crowded_tables import crowded_connection, nodes_of, read_whole
from tests.support.servers.postgres import Databases

pytestmark = pytest.mark.real

# Job number n: every hundredth runs, the rest is over; 200 tags; every second has a log; every
# third is for one of 1,000 users.
JOBS = """
INSERT INTO jobs (id, state, name, description, tags, inputs, task_count, position, created_at,
                  started_at, completed_at, failed_at, error, readers, search)
SELECT 'job' || n, state, name, 'of customer ' || n % 5000, tags,
       jsonb_build_object('source', repeat(md5(n::text), 8)), 2, 1, at, at,
       CASE state WHEN 'COMPLETED' THEN at END, CASE state WHEN 'FAILED' THEN at END,
       CASE state WHEN 'FAILED' THEN 'exit code 1' END,
       CASE WHEN n % 3 = 0 THEN ARRAY['user:u' || n % 1000] ELSE '{}' END,
       job_search(name, 'of customer ' || n % 5000, tags)
FROM (SELECT n, 'convert video ' || n AS name, ARRAY['tag' || n % 200] AS tags,
             now() - make_interval(secs => n) AS at,
             CASE WHEN n % 100 = 0 THEN 'RUNNING' WHEN n % 10 = 1 THEN 'FAILED'
                  ELSE 'COMPLETED' END AS state
      FROM generate_series(1, 100000) AS n) AS made
"""
JOB_TASKS = """
INSERT INTO job_tasks SELECT 'job' || n, p, '{"name": "t"}'
FROM generate_series(1, 100000) AS n, generate_series(1, 2) AS p
"""
VARIABLES = "INSERT INTO job_variables SELECT 'job' || n, 'x', 'y' FROM generate_series(1, 50000) n"
TASKS = bulk_rows(
    "tasks",
    numbers(1, 100_000),
    state="CASE WHEN n % 100 = 0 THEN 'RUNNING' ELSE 'COMPLETED' END",
    node_id="'n1'",
    lease_expires_at="CASE WHEN n % 100 = 0 THEN now() END",
)
# One job with 50,000 children.
FAMILY = bulk_rows(
    "tasks",
    numbers(0, 50_000),
    id="'child' || n",
    job_id="'job50000'",
    kind="CASE n WHEN 0 THEN 'each' ELSE 'task' END",
    position="2",
    parent_id="CASE WHEN n > 0 THEN 'child0' END",
    child_index="CASE WHEN n > 0 THEN n - 1 END",
)
LOGS = """
INSERT INTO task_log_parts
SELECT 'task' || n, p, 'job' || n, 'line ' || p, now() - make_interval(secs => n)
FROM generate_series(1, 50000) AS n, generate_series(1, 4) AS p
"""
TABLES = "VACUUM ANALYZE jobs, job_tasks, job_variables, tasks, task_log_parts, nodes"

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EYES = ["role:public", "user:u7"]
Asked = tuple[Any, ...]


def asked(
    words: str = "", state: str | None = None, other: str | None = None, *filters: Any
) -> Asked:
    """The arguments of a search; `filters` are tags, readers, states, name, creator, times, and a
    template."""
    unset: Asked = ([], None, [], "", "", None, None, "")
    return (words, state, words if other is None else other, *filters, *unset[len(filters) :])


def rows(job_id: str, parent: str | None = None) -> Asked:
    """The arguments that say which tasks."""
    return (job_id, parent, "", [], None, True)


def window(first: int | None = None, last: int | None = None) -> Asked:
    """The arguments that say which window of them."""
    return ([], "position", 200, 0, first, last)


RUNNING = asked("running", "RUNNING", "")
RARE = asked("customer 77")
COMMON = asked("convert")
HOUR = datetime.now(UTC) - timedelta(hours=1)
FIRST = job_list.BEGIN["newest"]
FAR = (datetime.now(UTC) - timedelta(seconds=50_000), "job50000")

HOT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "list": (job_list.NEWEST, (10, 0, *FIRST)),
    "list, page 50": (job_list.NEWEST, (20, 1000, *FIRST)),
    "list, far after": (job_list.NEWEST, (20, 0, *FAR)),
    "list, oldest first": (job_list.OLDEST, (20, 0, *FAR)),
    "visible": (job_list.NEWEST_VISIBLE, (10, 0, *FIRST, EYES)),
    "visible, far after": (job_list.NEWEST_VISIBLE, (10, 0, *FAR, EYES)),
    "visible, oldest first": (job_list.OLDEST_VISIBLE, (10, 0, *FAR, EYES)),
    "queue": (job_queue.QUEUE, (*asked("", None, "", []), 10, 0)),
    "queue size": (job_queue.SIZE, ()),
    "count all": (job_list.COUNT_ALL, (10_001,)),
    "count": (job_list.COUNT, (*asked(), 10_001)),
    "count visible": (job_list.COUNT, (*asked("", None, "", [], EYES), 10_001)),
    "count by rare state": (job_list.COUNT, (*RUNNING, 10_001)),
    "count by tag": (job_list.COUNT, (*asked("", None, "", ["tag7"]), 10_001)),
    "count by words": (job_list.COUNT, (*RARE, 10_001)),
    "count by common word": (job_list.COUNT, (*COMMON, 10_001)),
    "list by rare state": (job_list.PAGE_OF_FEW, (*RUNNING, 10, 0, *FIRST)),
    "list by tag": (job_list.PAGE_OF_FEW, (*asked("", None, "", ["tag7"]), 10, 0, *FIRST)),
    "list by words": (job_list.PAGE_OF_FEW, (*RARE, 10, 0, *FIRST)),
    "list by words, visible": (job_list.PAGE_OF_FEW, (*asked(*RARE[:4], EYES), 10, 0, *FIRST)),
    "list by words and a tag": (
        job_list.PAGE_OF_FEW,
        (*asked("77", None, "77", ["tag7"]), 10, 0, *FIRST),
    ),
    "list by words and a state": (
        job_list.PAGE_OF_FEW,
        (*asked("running 77", "RUNNING", "77"), 10, 0, *FIRST),
    ),
    "list by common word": (job_list.PAGE_OF_MANY, (*COMMON, 10, 0, *FIRST)),
    "list by common word, visible": (
        job_list.PAGE_OF_MANY,
        (*asked(*COMMON[:4], EYES), 10, 0, *FIRST),
    ),
    "list by common word, page 500": (job_list.PAGE_OF_MANY_FAR, (*COMMON, 20, 9980, *FIRST)),
    "list by common word, far after": (job_list.PAGE_OF_MANY, (*COMMON, 20, 0, *FAR)),
    "list by common word, oldest first": (job_list.OLDEST_OF_MANY, (*COMMON, 20, 0, *FAR)),
    "list by a state of the filter": (
        job_list.PAGE_OF_FEW,
        (*asked("", None, "", [], None, ["RUNNING"]), 10, 0, *FIRST),
    ),
    "list by creator": (
        job_list.PAGE_OF_FEW,
        (*asked("", None, "", [], None, [], "", "ann"), 10, 0, *FIRST),
    ),
    "list by time": (
        job_list.PAGE_OF_FEW,
        (*asked("", None, "", [], None, [], "", "", HOUR, None), 10, 0, *FIRST),
    ),
    "list by template": (
        job_list.PAGE_OF_FEW,
        (*asked("", None, "", [], None, [], "", "", None, None, "thumbs@%"), 10, 0, *FIRST),
    ),
    "is visible": (one_job.IS_SHARED_WITH, ("job5", EYES)),
    "job": (one_job.JOB, ("job5", EYES)),
    "tasks as submitted": (one_job.JOB_TASKS, ("job5", 0, 500)),
    "execution": (one_job.EXECUTION, ("job5",)),
    "execution, from a row on": (
        one_job.EXECUTION_AFTER,
        ("job5", 1, NOW, None, None, 0, "", 500),
    ),
    "task": (one_job.TASK, ("task5", EYES)),
    "parents of a job": (job_header.PARENTS, ("job5", EYES)),
    "failure of a job": (job_header.FAILURE, ("job50000",)),
    "summary of tasks": (tasks_summary.TASKS_SUMMARY, ("job5",)),
    "parent of rows": (task_list.KIND_OF_PARENT, ("job50000", "child0")),
    "rows": (task_list.PAGE_OF_ALL, (*rows("job5"), *window())),
    "rows of the list": (task_list.PAGE_OF_TOP_LEVEL, (*rows("job50000"), *window())),
    "count rows of the list": (task_list.COUNTS_OF_TOP_LEVEL, rows("job50000")),
    "rows of children": (
        task_list.PAGE_OF_CHILDREN,
        (*rows("job50000", "child0"), *window(40_000, 40_200)),
    ),
    "rows of children, failed first": (
        task_list.PAGE_OF_FAILED_FIRST,
        (*rows("job50000", "child0"), [], "failed-first", 100, 200, None, None),
    ),
    "not begun": (task_list.NOT_BEGUN, ("job5", 100, 0)),
    "count not begun": (task_list.COUNT_NOT_BEGUN, ("job5",)),
    "final jobs": (one_job.FINAL_JOBS, (["job1", "job2"],)),
    "job log": (logs.JOB_LOG, ("job5", 25, 0)),
    "count job log": (logs.COUNT_JOB_LOG, ("job5",)),
    "search job log": (logs.SEARCH_JOB_LOG, ("job5", "line", 25, 0)),
    "task log": (logs.TASK_LOG, ("task5", 25, 0)),
    "count task log": (logs.COUNT_TASK_LOG, ("task5",)),
    "search task log": (logs.SEARCH_TASK_LOG, ("task5", "line", 25, 0)),
    "lines of a job's log": (log_lines.WINDOW_OF_JOB, ("job5", -100, 100)),
    "lines of a task's log": (log_lines.WINDOW_OF_TASK, ("task5", -100, 100)),
    "parts of lines": (log_lines.PARTS, (["task5"], [1])),
    "continuing parts": (log_lines.CONTINUING, ("task5", 1, 200)),
    "matching lines of a job": (log_search.PLAIN_IN_JOB, ("job5", ["line"], 100)),
    "matching lines of a task": (log_search.PATTERN_IN_TASK, ("task5", "l.ne", 100)),
    "parts of a job in order": (log_parts.JOB_PARTS_AFTER, ("job5", NOW, "task5", 0, 16)),
    "parts of a task in order": (log_parts.TASK_PARTS_AFTER, ("task5", 0, 16)),
    "owner of a job's log": (logs.OWNING_JOB, ("job5", EYES)),
    "owner of a task's log": (logs.OWNING_TASK, ("task5", EYES)),
    "oldest by queue": (queues_in_use.OLDEST_BY_QUEUE, ()),
    "running by queue": (queues_in_use.RUNNING_BY_QUEUE, ()),
    "queues with retries": (queues_in_use.WITH_RETRIES, ()),
    "totals": (cluster.TOTALS, ()),
    "nodes": (node_details.NODE_DETAILS, ()),
    "tasks of a node": (node_details.TASKS_OF_NODE, ("n1", EYES)),
}
MOST_READ_IN_ORDER = 40_000
SMALL_TABLES = {
    "nodes",
    "node_policies",
}  # one row for each worker: reading it whole is the fastest way


@pytest.fixture(scope="module")
def crowded_dsn(postgres_databases: Databases) -> Iterator[str]:
    """A database with 100,000 jobs, filled at first use."""
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
async def crowded(crowded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    fills = (JOBS, JOB_TASKS, VARIABLES, TASKS, FAMILY, LOGS, TABLES)
    async with crowded_connection(crowded_dsn, fills) as connection:
        yield connection


def _rows_read_in_order(plan: dict[str, Any]) -> int:
    return sum(
        step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
        for step in nodes_of(plan)
        if step["Node Type"] == "Seq Scan"
    )


@pytest.mark.parametrize("name", HOT)
async def test_the_query_walks_an_index(crowded: asyncpg.Connection, name: str) -> None:
    sql, arguments = HOT[name]
    explained = await crowded.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
    [plan] = json.loads(explained)
    scanned = read_whole(plan["Plan"])
    # A count stops at its cap: what is common may be met soonest from the table's start.
    begun = {"jobs"} if _rows_read_in_order(plan["Plan"]) < MOST_READ_IN_ORDER else set()
    assert scanned <= SMALL_TABLES | begun, plan
    assert plan["Execution Time"] < 10_000  # milliseconds; far above what any of them takes
