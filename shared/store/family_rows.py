"""The children of tasks, and what else of a job's tasks begins, ends or runs again with others.

However many children a task has, what is read of them is what begins, runs or has failed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shared.lifecycle import BeginChildren, CancelTasks, Task, TaskPosition, TaskState
from shared.lifecycle.states import CANCEL_CREATED, REOPEN_CHILD, SUCCEED_CHILD, BulkMove
from shared.store.rows import TASK_COLUMNS, task_of
from shared.store.slot_counts import SlotCount, count_slots
from shared.store.source_rows import SourceRows, columns_of

NEXT_CREATED = f"""
SELECT t.* FROM unnest($1::text[], $2::int[]) AS p(parent, count), LATERAL (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE parent_id = p.parent AND state = 'CREATED' AND id <> ALL($3::text[])
    ORDER BY child_index LIMIT p.count FOR NO KEY UPDATE) AS t
"""  # noqa: S608 - names of columns

NEXT_CREATED_BY_SEQUENCE = f"""
SELECT t.* FROM unnest($1::text[], $2::int[]) AS p(parent, count), LATERAL (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE parent_id = p.parent AND state = 'CREATED' AND sequence IS NOT NULL
      AND id <> ALL($3::text[])
    ORDER BY sequence, child_index LIMIT p.count FOR NO KEY UPDATE) AS t
"""  # noqa: S608 - names of columns

NEXT_SEQUENCES = """
SELECT p.parent, first.sequence,
       (SELECT count(*)::int FROM tasks t
        WHERE t.parent_id = p.parent AND t.state = 'CREATED' AND t.sequence = first.sequence)
FROM unnest($1::text[]) AS p(parent), LATERAL (
    SELECT sequence FROM tasks
    WHERE parent_id = p.parent AND state = 'CREATED' AND sequence IS NOT NULL
    ORDER BY sequence LIMIT 1) AS first
"""

NEXT_HELD_BACK = f"""
SELECT t.* FROM unnest($1::text[], $2::int[]) AS j(of_job, count), LATERAL (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE job_id = j.of_job AND is_held_back AND state = 'PENDING' AND id <> ALL($3::text[])
    ORDER BY priority DESC, position, created_at, child_index
    LIMIT j.count FOR NO KEY UPDATE) AS t
"""  # noqa: S608 - names of columns

# Of a job that has ended, and of its tasks that have: their children.
_OVER = """
    SELECT t.id FROM tasks t JOIN jobs j ON j.id = t.job_id LEFT JOIN tasks p ON p.id = t.parent_id
    WHERE t.job_id = ANY($1::text[])
      AND (j.state IN ('COMPLETED', 'FAILED', 'CANCELLED')
           OR p.state IN ('COMPLETED', 'FAILED', 'CANCELLED'))
"""
# Not by their job: it may have very many that are active in other families.
_OF_PARENTS = "SELECT t.id FROM tasks t WHERE t.parent_id = ANY($1::text[])"
_HAS_BEGUN = """
    t.state IN ('CREATED', 'PENDING', 'SCHEDULED', 'RUNNING') AND t.state <> 'CREATED'
"""

# All that never began, at once: nobody has heard of them, so nobody needs to hear of their end.
CANCEL_CREATED_OF_JOBS = f"""
UPDATE tasks SET state = 'CANCELLED'
WHERE id = ANY(ARRAY({_OVER} AND t.state = 'CREATED' LIMIT $2))
"""  # noqa: S608 - our own conditions

CANCEL_CREATED_OF_PARENTS = f"""
UPDATE tasks SET state = 'CANCELLED'
WHERE id = ANY(ARRAY({_OF_PARENTS} AND t.state = 'CREATED' LIMIT $2))
"""  # noqa: S608 - as above

# In the order in which lease renewals lock them.
LOCK_ACTIVE_OF_JOBS = f"""
SELECT {TASK_COLUMNS} FROM tasks WHERE id = ANY(ARRAY({_OVER} AND {_HAS_BEGUN} LIMIT $2))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above

LOCK_ACTIVE_OF_PARENTS = f"""
SELECT {TASK_COLUMNS} FROM tasks WHERE id = ANY(ARRAY({_OF_PARENTS} AND {_HAS_BEGUN} LIMIT $2))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above

# The oldest first; then as above.
LOCK_WAITING = f"""
SELECT {TASK_COLUMNS} FROM tasks WHERE id = ANY(ARRAY(
    SELECT t.id FROM tasks t JOIN jobs j ON j.id = t.job_id
    WHERE t.job_id = ANY($1::text[]) AND {_HAS_BEGUN} AND t.state <> 'RUNNING'
      AND (t.priority <> j.priority OR (t.placement ->> 'priority')::int <> j.priority)
    ORDER BY t.scheduled_at, t.child_index LIMIT $2))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above

# The last row at a position of a job's own list, if it is composite and did not succeed, or did in
# spite of failed children and $3 has its job.
UNFINISHED_AT = f"""
SELECT last.* FROM unnest($1::text[], $2::int[]) AS p(of_job, at_position), LATERAL (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE job_id = p.of_job AND position = p.at_position AND parent_id IS NULL
    ORDER BY created_at DESC, attempt DESC LIMIT 1 FOR NO KEY UPDATE) AS last
WHERE (last.state IN ('FAILED', 'CANCELLED')
       AND (last.children IS NOT NULL OR last.subjob_id IS NOT NULL))
   OR (last.job_id = ANY($3::text[]) AND last.state = 'COMPLETED'
       AND (last.children ->> 'failed')::int > 0)
"""  # noqa: S608 - names of columns

# Of a restarted job: what counts as done of it stays done, and runs again.
KEPT_TO_REOPEN = f"""
SELECT last.* FROM jobs j
JOIN job_tasks t ON t.job_id = j.id
    AND CASE WHEN j.is_graph THEN t.is_done ELSE t.position <= j.position END,
LATERAL (
    SELECT {TASK_COLUMNS} FROM tasks
    WHERE job_id = j.id AND position = t.position AND parent_id IS NULL
    ORDER BY created_at DESC, attempt DESC LIMIT 1 FOR NO KEY UPDATE) AS last
WHERE j.id = ANY($1::text[]) AND last.kind = 'placed' AND last.state IN ('FAILED', 'CANCELLED')
  AND last.placement ->> 'type' IN ('service', 'daemon') AND last.progress >= 100
"""  # noqa: S608 - names of columns

PLACED_AT = f"""
SELECT {TASK_COLUMNS} FROM tasks WHERE id = ANY(ARRAY(
    SELECT t.id FROM unnest($1::text[], $2::int[]) AS p(job_id, position)
    JOIN tasks t ON t.job_id = p.job_id AND t.position = p.position
    WHERE t.parent_id IS NULL AND t.kind = 'placed' AND t.state = 'RUNNING'))
ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above

LOCK_TASKS = f"""
SELECT {TASK_COLUMNS} FROM tasks WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - as above

EXECUTIONS = """
SELECT DISTINCT ON (parent_id, child_index) parent_id, id, child_index, state FROM tasks
WHERE parent_id = ANY($1::text[])
ORDER BY parent_id, child_index, created_at DESC, attempt DESC
"""

# Of each child index the last row counts. What is composite, and what never began, goes on as
# it is; what a worker has had stays as a record, and gets a successor.
REOPEN_CHILDREN = """
WITH again AS (
    SELECT last.*,
           last.children IS NOT NULL OR last.subjob_id IS NOT NULL
           OR (last.state = 'CANCELLED' AND last.scheduled_at IS NULL AND last.attempt = 0)
           AS goes_on
    FROM (SELECT DISTINCT ON (parent_id, child_index) * FROM tasks WHERE parent_id = ANY($1::text[])
          ORDER BY parent_id, child_index, created_at DESC, attempt DESC) AS last
    JOIN tasks p ON p.id = last.parent_id
    WHERE (last.state = 'CANCELLED' OR (last.state = 'FAILED' AND NOT last.allow_failure))
      -- no execution of a node that is gone, nor one that is too many
      AND CASE WHEN p.placement ->> 'type' IN ('ops', 'daemon')
               THEN last.recall IS DISTINCT FROM 'scale'
               ELSE p.placement IS NULL
                    OR last.child_index < (p.children ->> 'total')::int END
), continued AS (
    UPDATE tasks t SET state = 'CREATED', error = NULL, failed_at = NULL
    FROM again a WHERE t.id = a.id AND a.goes_on
), renewed AS (
    INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition,
                       created_at, parent_id, child_index, scope, pinned_to, sequence)
    SELECT md5(id || ' again'), job_id, position, 'CREATED',
           CASE WHEN sequence IS NULL THEN '' ELSE name END, '', 0, '{}', '{}',
           clock_timestamp(), parent_id, child_index, scope, pinned_to, sequence
    FROM again WHERE NOT goes_on
)
SELECT parent_id, count(*)::int AS left,
       coalesce(array_agg(id) FILTER (WHERE goes_on), '{}') AS continued
FROM again GROUP BY parent_id
"""

BULK_MOVES: Mapping[str, Sequence[BulkMove]] = {
    CANCEL_CREATED_OF_JOBS: [CANCEL_CREATED],
    CANCEL_CREATED_OF_PARENTS: [CANCEL_CREATED],
    REOPEN_CHILDREN: [REOPEN_CHILD, SUCCEED_CHILD],
}
"""What the statements move that nobody decides one by one."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """How many children of each parent are to be run again, and which of them as the rows that
    they were: what is known of these is out of date."""

    left: Mapping[str, int]
    continued: Sequence[str]


@dataclass(frozen=True, slots=True)
class NextSequence:
    sequence: int
    count: int


@dataclass(frozen=True, slots=True)
class ExecutionState:
    id: str
    index: int
    state: TaskState


class FamilyRows(SourceRows):
    """Those of the transaction that `connection` is in."""

    async def next_created(
        self, wanted: Sequence[BeginChildren], known: Collection[str]
    ) -> list[Task]:
        found: list[Task] = []
        for statement, by_sequence in ((NEXT_CREATED, False), (NEXT_CREATED_BY_SEQUENCE, True)):
            if of_kind := [one for one in wanted if one.by_sequence is by_sequence]:
                parents, counts = [one.task_id for one in of_kind], [one.count for one in of_kind]
                found += await self._tasks(statement, parents, counts, list(known))
        return found

    async def next_sequences(self, parents: Collection[str]) -> dict[str, NextSequence]:
        rows = await self._connection.fetch(NEXT_SEQUENCES, list(parents))
        return {parent: NextSequence(sequence, count) for parent, sequence, count in rows}

    async def next_held_back(self, counts: Mapping[str, int], timed: Collection[str]) -> list[Task]:
        return await self._tasks(NEXT_HELD_BACK, list(counts), list(counts.values()), list(timed))

    async def count_slots(self, job_ids: Collection[str]) -> Mapping[str, SlotCount]:
        return await count_slots(self._connection, job_ids)

    async def cancel_created(self, wanted: Sequence[CancelTasks], limit: int) -> int:
        cancelled = 0
        for statement, ids in (
            (CANCEL_CREATED_OF_JOBS, _jobs(wanted)),
            (CANCEL_CREATED_OF_PARENTS, _parents(wanted)),
        ):
            if ids:
                tag = await self._connection.execute(statement, ids, limit - cancelled)
                cancelled += int(tag.removeprefix("UPDATE "))
        return cancelled

    async def lock_active(self, wanted: Sequence[CancelTasks], limit: int) -> list[Task]:
        active: list[Task] = []
        if jobs := _jobs(wanted):
            active += await self._tasks(LOCK_ACTIVE_OF_JOBS, jobs, limit)
        if parents := _parents(wanted):
            active += await self._tasks(LOCK_ACTIVE_OF_PARENTS, parents, limit - len(active))
        return active

    async def lock_waiting(self, job_ids: Collection[str], limit: int) -> list[Task]:
        return await self._tasks(LOCK_WAITING, list(job_ids), limit)

    async def unfinished_at(
        self, positions: Sequence[TaskPosition], in_part: Collection[str]
    ) -> list[Task]:
        if not positions:
            return []
        return await self._tasks(UNFINISHED_AT, *columns_of(positions), list(in_part))

    async def reopen_children(self, parents: Sequence[Task]) -> Reopened:
        ids = [parent.id for parent in parents if parent.children is not None]
        rows = await self._connection.fetch(REOPEN_CHILDREN, ids) if ids else []
        return Reopened(
            {row["parent_id"]: row["left"] for row in rows},
            [child_id for row in rows for child_id in row["continued"]],
        )

    async def kept_to_reopen(self, job_ids: Collection[str]) -> list[Task]:
        return await self._tasks(KEPT_TO_REOPEN, list(job_ids))

    async def placed_at(self, positions: Sequence[TaskPosition]) -> list[Task]:
        return await self._tasks(PLACED_AT, *columns_of(positions))

    async def lock_tasks(self, ids: Collection[str]) -> list[Task]:
        return await self._tasks(LOCK_TASKS, list(ids)) if ids else []

    async def executions_of(self, parents: Collection[str]) -> dict[str, list[ExecutionState]]:
        found: defaultdict[str, list[ExecutionState]] = defaultdict(list)
        for parent_id, id_, index, state in await self._connection.fetch(EXECUTIONS, list(parents)):
            found[parent_id].append(ExecutionState(id_, index, TaskState(state)))
        return found

    async def _tasks(self, statement: str, *values: object) -> list[Task]:
        return [task_of(row) for row in await self._connection.fetch(statement, *values)]


def _jobs(wanted: Sequence[CancelTasks]) -> list[str]:
    return [question.job_id for question in wanted if question.parent_id is None]


def _parents(wanted: Sequence[CancelTasks]) -> list[str]:
    return [question.parent_id for question in wanted if question.parent_id is not None]
