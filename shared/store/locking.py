"""What `apply` changes, loaded under lock; and the time by which it decides: that of the database,
one clock for all services, whatever their hosts' clocks do."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from shared.lifecycle import Job, Task
from shared.postgres.pool import Connection
from shared.store.columns import absent
from shared.store.rows import JOB, JOB_COLUMNS, TASK, TASK_COLUMNS, job_of, task_of

# One statement, as each is a round trip; its parts run one after the other, because each asks for
# the count of the one before.
#
# First the queue, before anything is locked or written, and so before this transaction has its
# number: whoever comes to a job later has the higher number, and the feed (which is read in the
# order of these numbers) has the changes of a job in the order of their versions. Two batches that
# share some jobs would else get their numbers at one job and their turns at another.
#
# Then the jobs, before their tasks and in the order of their ids, so that two who lock the same
# rows can't lock each other out. The tasks although the jobs are locked: lease renewals don't take
# the job's lock. NO KEY: a log part that is being stored holds its task's key, in the order in
# which parts come.
#
# What this statement sees is as old as its start, and it may have waited in the queue since: but a
# row that was changed meanwhile is read again when it is locked. A row that was made meanwhile is
# not found; nobody can name it yet, as its message is sent after its commit.
#
# The time last: it must not be before what those have decided who were waited for.
LOAD = f"""
WITH turns AS MATERIALIZED (
    SELECT pg_advisory_xact_lock(key)
    FROM (SELECT DISTINCT hashtextextended(id, 0) AS key
          FROM unnest($1::text[]) AS asked(id) ORDER BY 1) AS keys
), loaded_jobs AS MATERIALIZED (
    SELECT {JOB_COLUMNS} FROM jobs
    WHERE id = ANY($1::text[]) AND (SELECT count(*) FROM turns) >= 0
    ORDER BY id FOR NO KEY UPDATE
), loaded_tasks AS MATERIALIZED (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE id = ANY($2::text[]) AND (SELECT count(*) FROM loaded_jobs) >= 0
    ORDER BY id FOR NO KEY UPDATE
)
SELECT clock_timestamp() AS now, {absent(JOB)}, {absent(TASK)}
FROM (SELECT count(*) FROM loaded_tasks) AS all_of_them
UNION ALL SELECT NULL, *, {absent(TASK)} FROM loaded_jobs
UNION ALL SELECT NULL, {absent(JOB)}, * FROM loaded_tasks
"""  # noqa: S608 - names of columns


_FIRST_OF_JOB = 1
_FIRST_OF_TASK = _FIRST_OF_JOB + len(JOB)
_JOB_ID = _FIRST_OF_JOB + [column.name for column in JOB].index("id")


class Loaded(NamedTuple):
    jobs: dict[str, Job]
    tasks: dict[str, Task]
    now: datetime


async def load(
    connection: Connection, job_ids: Collection[str], task_ids: Collection[str]
) -> Loaded:
    """Wait for all who are at these jobs, then lock them and those tasks; the first thing that a
    transaction does which changes them."""
    first, *rows = await connection.fetch(LOAD, list(job_ids), list(task_ids))
    jobs: dict[str, Job] = {}
    tasks: dict[str, Task] = {}
    for row in rows:
        if row[_JOB_ID] is not None:
            job = job_of(row[_FIRST_OF_JOB:_FIRST_OF_TASK])
            jobs[job.id] = job
        else:
            task = task_of(row[_FIRST_OF_TASK:])
            tasks[task.id] = task
    return Loaded(jobs, tasks, first[0])
