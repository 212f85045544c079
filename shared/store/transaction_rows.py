"""The rows that one transaction reads to decide, and those that it writes.

However many children a task has, what is read of them is what begins, runs or has failed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.lifecycle import (
    BeginChildren,
    CancelTasks,
    Job,
    PlanDependents,
    Task,
    TaskPosition,
    TaskState,
)
from shared.lifecycle.states import CANCEL_CREATED, REOPEN_CHILD, SUCCEED_CHILD, BulkMove
from shared.messages import Spawned
from shared.planning.new_job import IdempotencyKey, NamedDocument
from shared.planning.terms import Wallet
from shared.planning.updating import StoredVersion
from shared.store.artifacts import Replaced, replaced_by
from shared.store.columns import selected
from shared.store.idempotency import forget_key, move_key, store_keys
from shared.store.locking import load
from shared.store.outbox import OutboxRow
from shared.store.reuse import ReuseRows
from shared.store.rows import TASK, TASK_COLUMNS, task_of
from shared.store.source_rows import SourceRows, columns_of
from shared.store.spawned_rows import spawned_by
from shared.store.uploads import WantedUploads, unusable_uploads
from shared.store.versions import forget_names, forget_run, load_version, store_names
from shared.store.wallets import lock_wallets, mark_short
from shared.store.writing import Writes, write

# Without their definitions: that of a parallel task holds all of its children, and would be read at
# each step of each.
LOCK_ANCESTORS = f"""
WITH RECURSIVE line AS (
    SELECT id, parent_id FROM tasks WHERE id = ANY($1::text[])
    UNION
    SELECT t.id, t.parent_id FROM line l JOIN tasks t ON t.id = l.parent_id
)
SELECT {selected(TASK, {"definition": "'{}'::jsonb", "sealed": "NULL"})}
FROM tasks WHERE id IN (SELECT id FROM line) ORDER BY id FOR NO KEY UPDATE
"""  # noqa: S608 - names of columns

DEFINITIONS = "SELECT id, definition, sealed FROM tasks WHERE id = ANY($1::text[])"

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
    WHERE job_id = j.of_job AND is_held_back AND due_at IS NULL
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

# The counts in `job_tasks` are kept under the lock of their job. Each finished task touches its own
# dependents and no others.
READY = """
SELECT job_id, position FROM job_tasks
WHERE job_id = ANY($1::text[]) AND waiting_for = 0 AND NOT is_done ORDER BY job_id, position
"""

RELEASE = """
WITH done AS (
    UPDATE job_tasks t SET is_done = true
    FROM unnest($1::text[], $2::int[]) AS d(job_id, position)
    WHERE t.job_id = d.job_id AND t.position = d.position
), released AS (
    UPDATE job_tasks t SET waiting_for = t.waiting_for - n.count
    FROM (SELECT n.job_id, n.position, count(*)::int AS count
          FROM unnest($1::text[], $2::int[]) AS d(job_id, position)
          JOIN job_needs n ON n.job_id = d.job_id AND n.needed = d.position
          GROUP BY n.job_id, n.position) n
    WHERE t.job_id = n.job_id AND t.position = n.position
    RETURNING t.job_id, t.position, t.waiting_for
)
SELECT job_id, position FROM released WHERE waiting_for = 0 ORDER BY job_id, position
"""


# In a graph the task and all that need it, if it is done. The end of the last task of all has
# released none, so it is not marked. $3: the children of the task keep what they left.
REWIND = """
WITH RECURSIVE done AS (
    SELECT t.position, t.is_done OR j.position = j.task_count AS is_done, j.is_graph
    FROM job_tasks t JOIN jobs j ON j.id = t.job_id WHERE t.job_id = $1
), again AS (
    SELECT position FROM done
    WHERE CASE WHEN is_graph THEN position = $2 AND is_done ELSE position >= $2 END
    UNION
    SELECT n.position FROM again a JOIN job_needs n ON n.job_id = $1 AND n.needed = a.position
), undone AS (
    UPDATE job_tasks t SET
        is_done = d.is_done AND d.position NOT IN (SELECT position FROM again),
        waiting_for = (
            SELECT count(*) FROM job_needs n JOIN done o ON o.position = n.needed
            WHERE n.job_id = $1 AND n.position = t.position
              AND (NOT o.is_done OR o.position IN (SELECT position FROM again)))
    FROM done d WHERE t.job_id = $1 AND t.position = d.position AND d.is_graph
), attempts AS (
    SELECT id, var FROM tasks WHERE job_id = $1 AND position IN (SELECT position FROM again)
      AND NOT ($3 AND position = $2 AND parent_id IS NOT NULL)
), forgotten AS (
    DELETE FROM job_variables WHERE job_id = $1 AND name IN (SELECT var FROM attempts)
), removed AS (
    DELETE FROM artifacts WHERE task_id IN (SELECT id FROM attempts) RETURNING task_id, size
)
SELECT (SELECT count(*)::int FROM done
        WHERE is_done AND position IN (SELECT position FROM again)) AS undone,
       (SELECT coalesce(sum(size), 0)::bigint FROM removed) AS kept_bytes,
       array(SELECT DISTINCT task_id FROM removed) AS keepers
"""


@dataclass(frozen=True, slots=True)
class Rewound:
    """How many of the tasks that run again were done, and what their attempts had kept."""

    undone: int
    kept_bytes: int = 0
    keepers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Locked:
    """What events name, under lock, and the database's time. `partial` are the ancestors of the
    tasks that were asked for: without their definitions."""

    now: datetime
    jobs: dict[str, Job]
    tasks: dict[str, Task]
    partial: dict[str, Task]


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


class TransactionRows(SourceRows, ReuseRows):
    """Those of the transaction that `connection` is in. See `shared.apply.transaction`."""

    async def store_keys(self, keys: Mapping[str, IdempotencyKey]) -> set[str]:
        return await store_keys(self._connection, keys)

    async def forget_key(self, key: IdempotencyKey) -> None:
        await forget_key(self._connection, key)

    async def move_key(self, key: IdempotencyKey, made_id: str) -> None:
        await move_key(self._connection, key, made_id)

    async def store_names(self, named: Mapping[str, NamedDocument]) -> set[str]:
        return await store_names(self._connection, named)

    async def forget_names(self, job_ids: list[str]) -> None:
        await forget_names(self._connection, job_ids)

    async def unusable_uploads(self, wanted: Sequence[WantedUploads]) -> dict[str, list[str]]:
        return await unusable_uploads(self._connection, wanted)

    async def lock_wallets(self, owners: Collection[str]) -> dict[str, Wallet]:
        return await lock_wallets(self._connection, owners)

    async def mark_short(self, owners: Collection[str], short: Collection[str]) -> None:
        await mark_short(self._connection, owners, short)

    async def replaced_by(self, task_ids: Collection[str]) -> dict[str, Replaced]:
        return await replaced_by(self._connection, task_ids)

    async def lock(self, job_ids: Collection[str], task_ids: Collection[str]) -> Locked:
        jobs, tasks, now = await load(self._connection, job_ids, task_ids)
        parents = {task.parent_id for task in tasks.values() if task.parent_id is not None}
        ancestors = await self._tasks(LOCK_ANCESTORS, list(parents)) if parents else []
        partial = {task.id: task for task in ancestors if task.id not in tasks}
        return Locked(now, jobs, tasks, partial)

    async def spawned_by(
        self, dispatches: Collection[tuple[str, int]]
    ) -> Mapping[tuple[str, int], Sequence[Spawned]]:
        return await spawned_by(self._connection, dispatches)

    async def load_definitions(self, partial: Collection[Task]) -> dict[str, Task]:
        if not partial:
            return {}
        rows = await self._connection.fetch(DEFINITIONS, [task.id for task in partial])
        read = {r["id"]: {"definition": r["definition"], "sealed": r["sealed"]} for r in rows}
        return {
            task.id: replace(task, plan=replace(task.plan, **read[task.id])) for task in partial
        }

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

    async def next_held_back(self, counts: Mapping[str, int]) -> list[Task]:
        return await self._tasks(NEXT_HELD_BACK, list(counts), list(counts.values()))

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

    async def load_version(self, job_id: str) -> StoredVersion | None:
        return await load_version(self._connection, self._sealer, job_id)

    async def forget_run(self, job_id: str) -> list[str]:
        return await forget_run(self._connection, job_id)

    async def rewind(self, job_id: str, position: int, *, only_failed: bool) -> Rewound:
        return Rewound(*await self._connection.fetchrow(REWIND, job_id, position, only_failed))

    async def ready(self, job_ids: Collection[str]) -> list[TaskPosition]:
        rows = await self._connection.fetch(READY, list(job_ids)) if job_ids else []
        return [TaskPosition(row["job_id"], row["position"]) for row in rows]

    async def release(self, ended: Sequence[PlanDependents]) -> list[TaskPosition]:
        if not ended:
            return []
        positions = [TaskPosition(end.job_id, end.position) for end in ended]
        rows = await self._connection.fetch(RELEASE, *columns_of(positions))
        return [TaskPosition(row["job_id"], row["position"]) for row in rows]

    async def write(self, writes: Writes) -> list[OutboxRow]:
        return await write(self._connection, writes)

    async def _tasks(self, statement: str, *values: object) -> list[Task]:
        return [task_of(row) for row in await self._connection.fetch(statement, *values)]


def _jobs(wanted: Sequence[CancelTasks]) -> list[str]:
    return [question.job_id for question in wanted if question.parent_id is None]


def _parents(wanted: Sequence[CancelTasks]) -> list[str]:
    return [question.parent_id for question in wanted if question.parent_id is not None]
