"""With 100,000 jobs no query of the API reads a whole table."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest

from services.coordinator.store import cluster, job_list, logs, one_job, visible_job_list
from tests.support.crowd import crowded_connection, read_whole
from tests.support.postgres import Databases

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
TASKS = """
INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition, node_id,
                   lease_expires_at, created_at)
SELECT 'task' || n, 'job' || n, 1, CASE WHEN n % 100 = 0 THEN 'RUNNING' ELSE 'COMPLETED' END,
       'a', 'default', 0, '{}', '{"name": "a"}', 'n1', CASE WHEN n % 100 = 0 THEN now() END, now()
FROM generate_series(1, 100000) AS n
"""
LOGS = """
INSERT INTO task_log_parts
SELECT 'task' || n, p, 'job' || n, 'line ' || p, now() - make_interval(secs => n)
FROM generate_series(1, 50000) AS n, generate_series(1, 4) AS p
"""
TABLES = "VACUUM ANALYZE jobs, job_tasks, job_variables, tasks, task_log_parts, nodes"

EYES = ["role:public", "user:u7"]

HOT: dict[str, tuple[str, tuple[Any, ...]]] = {
    "list": (job_list.LIST_ALL, (10, 0)),
    "list, page 50": (job_list.LIST_ALL, (20, 1000)),
    "count": (job_list.COUNT_ALL, ()),
    "list by rare state": (job_list.LIST_IN_STATE, ("RUNNING", 10, 0)),
    "list by common state": (job_list.LIST_IN_STATE, ("COMPLETED", 10, 0)),
    "count by rare state": (job_list.COUNT_IN_STATE, ("RUNNING",)),
    "count by common state": (job_list.COUNT_IN_STATE, ("COMPLETED",)),
    "list by tag": (job_list.LIST_TAGGED, (["tag7"], 10, 0)),
    "count by tag": (job_list.COUNT_TAGGED, (["tag7"],)),
    "search": (job_list.LIST_MATCHING, ("customer 77", None, "customer 77", [], 10, 0)),
    "count search": (job_list.COUNT_MATCHING, ("customer 77", None, "customer 77", [])),
    "search with state": (job_list.LIST_MATCHING, ("running 77", "RUNNING", "77", [], 10, 0)),
    "search with tag": (job_list.LIST_MATCHING, ("77", None, "77", ["tag7"], 10, 0)),
    "visible": (visible_job_list.LIST_VISIBLE, (10, 0, EYES)),
    "count visible": (visible_job_list.COUNT_VISIBLE, (EYES,)),
    "visible, by rare state": (visible_job_list.LIST_VISIBLE_IN_STATE, ("RUNNING", 10, 0, EYES)),
    "count visible by state": (visible_job_list.COUNT_VISIBLE_IN_STATE, ("COMPLETED", EYES)),
    "visible, by tag": (visible_job_list.LIST_VISIBLE_TAGGED, (["tag7"], 10, 0, EYES)),
    "count visible by tag": (visible_job_list.COUNT_VISIBLE_TAGGED, (["tag7"], EYES)),
    "search visible": (
        visible_job_list.LIST_VISIBLE_MATCHING,
        ("customer 77", None, "customer 77", [], 10, 0, EYES),
    ),
    "count search visible": (
        visible_job_list.COUNT_VISIBLE_MATCHING,
        ("customer 77", None, "customer 77", [], EYES),
    ),
    "is visible": (one_job.IS_VISIBLE, ("job5", EYES)),
    "job": (one_job.JOB, ("job5", EYES)),
    "tasks as submitted": (one_job.JOB_TASKS, ("job5",)),
    "execution": (one_job.EXECUTION, ("job5",)),
    "variables": (one_job.JOB_VARIABLES, ("job5",)),
    "task": (one_job.TASK, ("task5", EYES)),
    "final jobs": (one_job.FINAL_JOBS, (["job1", "job2"],)),
    "job log": (logs.JOB_LOG, ("job5", 25, 0)),
    "count job log": (logs.COUNT_JOB_LOG, ("job5",)),
    "search job log": (logs.SEARCH_JOB_LOG, ("job5", "line", 25, 0)),
    "task log": (logs.TASK_LOG, ("task5", 25, 0)),
    "count task log": (logs.COUNT_TASK_LOG, ("task5",)),
    "search task log": (logs.SEARCH_TASK_LOG, ("task5", "line", 25, 0)),
    "secrets of a job's log": (logs.SEALED_OF_JOB, ("job5", EYES)),
    "secrets of a task's log": (logs.SEALED_OF_TASK, ("task5", EYES)),
    "queues of tasks": (cluster.QUEUES_OF_TASKS, ()),
    "running by queue": (cluster.RUNNING_BY_QUEUE, ()),
    "totals": (cluster.TOTALS, ()),
}
SMALL_TABLES = {"nodes"}  # one row for each worker: reading it whole is the fastest way


@pytest.fixture(scope="module")
def crowded_dsn(postgres_databases: Databases) -> Iterator[str]:
    """A database with 100,000 jobs, filled at first use."""
    with postgres_databases.fresh() as dsn:
        yield dsn


@pytest.fixture
async def crowded(crowded_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    fills = (JOBS, JOB_TASKS, VARIABLES, TASKS, LOGS, TABLES)
    async with crowded_connection(crowded_dsn, fills) as connection:
        yield connection


@pytest.mark.parametrize("name", HOT)
async def test_the_query_walks_an_index(crowded: asyncpg.Connection, name: str) -> None:
    sql, arguments = HOT[name]
    explained = await crowded.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
    [plan] = json.loads(explained)
    scanned = read_whole(plan["Plan"])
    assert scanned <= SMALL_TABLES, plan
    assert plan["Execution Time"] < 1000  # milliseconds; far above what any of them takes
