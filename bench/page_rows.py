"""The rows that the page is measured with: a job of very many children, a very long log."""

import asyncpg

from tests.support.servers.bulk_rows import bulk_rows, numbers

FAMILY, PARENT, LOGGED = (f"{number:032x}" for number in (1, 2, 3))
"""Whole ids, as jobs have them: the page asks for more at once where it knows one."""

_CHILDREN = """jsonb_build_object('total', {n}, 'required', {n}, 'begun', {n}, 'ended', {n} - 1,
    'failed', {n} / 100)"""
_LIST = """
INSERT INTO job_tasks (job_id, position, task)
SELECT id, 1, '{"name": "many", "run": "true"}' FROM unnest($1::text[]) AS id
"""
# A line is 64 characters; one part in ten has something to be found.
_LOG = """
INSERT INTO task_log_parts (task_id, number, job_id, contents, created_at, lines, continues)
SELECT 'logging', n, $2,
       CASE WHEN n % 10 = 5 THEN 'needle ' || n / 10 || E'\\n' ELSE '' END
           || repeat('0123456789 abcdefghij 0123456789 abcdefghij 0123456789 abcdef\n', 1024),
       now(), 1024 + (n % 10 = 5)::int, false
FROM generate_series(1, $1::int) AS n
"""


async def fill_family(connection: asyncpg.Connection, count: int) -> None:
    """`FAMILY`, whose task `PARENT` has so many children."""
    await connection.execute(
        bulk_rows("jobs", numbers(1, 1), id=f"'{FAMILY}'", name="'family'", position="1")
    )
    await connection.execute(
        bulk_rows(
            "tasks",
            numbers(1, 1),
            id=f"'{PARENT}'",
            job_id=f"'{FAMILY}'",
            kind="'each'",
            state="'RUNNING'",
            started_at="now()",
            children=_CHILDREN.format(n=count),
        )
    )
    failed = "n % 100 = 0"
    await connection.execute(
        bulk_rows(
            "tasks",
            numbers(1, count),
            id="'child' || n",
            job_id=f"'{FAMILY}'",
            name="'child ' || n",
            parent_id=f"'{PARENT}'",
            child_index="n - 1",
            state=f"CASE WHEN {failed} THEN 'FAILED' ELSE 'COMPLETED' END",
            started_at="now()",
            node_id="'node'",
            error=f"CASE WHEN {failed} THEN 'exit code 1' END",
            completed_at=f"CASE WHEN NOT {failed} THEN now() END",
            failed_at=f"CASE WHEN {failed} THEN now() END",
        )
    )


async def fill_log(connection: asyncpg.Connection, parts: int) -> None:
    """`LOGGED`, whose only task has written so many parts of 64 KB."""
    done = {"state": "'COMPLETED'", "completed_at": "now()"}
    await connection.execute(
        bulk_rows("jobs", numbers(1, 1), id=f"'{LOGGED}'", name="'logged'", position="1", **done)
    )
    await connection.execute(
        bulk_rows(
            "tasks",
            numbers(1, 1),
            id="'logging'",
            job_id=f"'{LOGGED}'",
            started_at="now()",
            log_parts=str(parts),
            completed_at="now()",
        )
    )
    await connection.execute(_LIST, [FAMILY, LOGGED])
    await connection.execute(_LOG, parts, LOGGED)
    await connection.execute("VACUUM ANALYZE tasks, task_log_parts, jobs")
