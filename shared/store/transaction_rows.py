"""The rows that one transaction reads to decide, and those that it writes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared.lifecycle import Job, PlanDependents, Task, TaskPosition
from shared.messages import Spawned
from shared.planning.new_job import IdempotencyKey, NamedDocument
from shared.planning.terms import Wallet
from shared.planning.updating import StoredVersion
from shared.store.artifacts import Replaced, replaced_by
from shared.store.columns import selected
from shared.store.family_rows import FamilyRows
from shared.store.idempotency import forget_key, move_key, store_keys
from shared.store.locking import load
from shared.store.outbox import OutboxRow
from shared.store.reported_ends import ReportedEnd, reported_ends
from shared.store.reuse import ReuseRows
from shared.store.rows import TASK
from shared.store.source_rows import columns_of
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


class TransactionRows(FamilyRows, ReuseRows):
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

    async def reported_ends(
        self, dispatches: Collection[tuple[str, int]]
    ) -> Mapping[tuple[str, int], ReportedEnd]:
        return await reported_ends(self._connection, dispatches)

    async def load_definitions(self, partial: Collection[Task]) -> dict[str, Task]:
        if not partial:
            return {}
        rows = await self._connection.fetch(DEFINITIONS, [task.id for task in partial])
        read = {r["id"]: {"definition": r["definition"], "sealed": r["sealed"]} for r in rows}
        return {
            task.id: replace(task, plan=replace(task.plan, **read[task.id])) for task in partial
        }

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
