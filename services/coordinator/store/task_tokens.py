"""Whose the token of an attempt is, and what its program makes and reports with it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from shared.messages import Spawned
from shared.planning.new_job import IdempotencyKey
from shared.postgres.pool import Connection
from shared.process.task_tokens import digest_of_token, task_of
from shared.store import reported_ends
from shared.store.spawned_rows import add_spawned

HOLDER = """
SELECT t.job_id, t.id AS task_id, t.dispatch, t.sequence, j.sealed, t.parent_id, t.child_index
FROM tasks t JOIN jobs j ON j.id = t.job_id
WHERE t.id = $1 AND t.token_digest = $2 AND t.state = 'RUNNING'
"""

# The end of the attempt waits, and so sees what is made; or was first, and then none may be made.
LOCKED_HOLDER = f"{HOLDER} FOR NO KEY UPDATE OF t"

# The last row counts those before it. Only after one of an earlier version they are added up.
MADE = """
SELECT coalesce(last.number, 0) AS tasks,
       coalesce(last.bytes_so_far, (SELECT sum(octet_length(parameters))::int FROM spawned_tasks
                                    WHERE task_id = $1 AND dispatch = $2), 0) AS bytes,
       same.request_key IS NOT NULL AS is_repeated,
       coalesce(same.request_digest <> $4, false) AS is_other
FROM (SELECT $3::text AS key) AS asked
LEFT JOIN LATERAL (
    SELECT number, bytes_so_far FROM spawned_tasks WHERE task_id = $1 AND dispatch = $2
    ORDER BY number DESC LIMIT 1
) AS last ON true
LEFT JOIN LATERAL (
    SELECT request_key, request_digest FROM spawned_tasks
    WHERE task_id = $1 AND dispatch = $2 AND request_key = asked.key LIMIT 1
) AS same ON true
"""


class Holder(NamedTuple):
    """The attempt that runs and has the token. `sealed` holds the secrets of its job. Its task is
    the child at `child_index` of `parent_id`."""

    job_id: str
    task_id: str
    dispatch: int
    sequence: int | None
    sealed: str | None
    parent_id: str | None = None
    child_index: int | None = None


class Made(NamedTuple):
    """What the attempt has made before; `is_repeated`: with the same key, `is_other`: and another
    body."""

    tasks: int
    bytes: int
    is_repeated: bool
    is_other: bool


async def holder_of(connection: Connection, token: str) -> Holder | None:
    return await _holder(connection, HOLDER, token)


async def _holder(connection: Connection, statement: str, token: str) -> Holder | None:
    if (task_id := task_of(token)) is None:
        return None
    row = await connection.fetchrow(statement, task_id, digest_of_token(token))
    return Holder(*row) if row else None


async def make_tasks(
    connection: Connection,
    token: str,
    key: IdempotencyKey | None,
    spawned_for: Callable[[Holder, Made], Sequence[Spawned]],
) -> int | None:
    """How many the attempt has made by now; None if it doesn't run any more. What `spawned_for`
    raises is raised, and nothing is made."""
    async with connection.transaction():
        holder = await _holder(connection, LOCKED_HOLDER, token)
        if holder is None:
            return None
        dispatch = holder.task_id, holder.dispatch
        request = (key.key, key.body_hash) if key else (None, None)
        made = Made(*await connection.fetchrow(MADE, *dispatch, *request))
        if made.is_repeated and not made.is_other:
            return made.tasks
        spawned = spawned_for(holder, made)
        await add_spawned(connection, dispatch, made[:2], spawned, request)
        return made.tasks + len(spawned)


async def report_end(
    connection: Connection, token: str, result: str | None, has_failed: bool | None
) -> bool:
    """None: as it was reported before. Whether the attempt still runs; else nothing is kept."""
    async with connection.transaction():
        holder = await _holder(connection, LOCKED_HOLDER, token)
        if holder is None:
            return False
        dispatch = holder.task_id, holder.dispatch
        await reported_ends.report_end(connection, dispatch, result, has_failed)
        return True
