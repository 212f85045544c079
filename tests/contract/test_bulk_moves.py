"""The statements that move tasks past `decide` move what is declared of them, and nothing else."""

import re
from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.lifecycle.states import BULK_MOVES as DECLARED
from shared.lifecycle.states import BulkMove, TaskState
from shared.postgres.pool import set_up_connection
from shared.store.family_rows import BULK_MOVES, CANCEL_CREATED_OF_JOBS, REOPEN_CHILDREN
from tests.contract.test_statements import STATEMENTS

pytestmark = pytest.mark.real

_WRITES_STATES = re.compile(r"UPDATE tasks\b[^;]*?\bSET\s[^;]*?\bstate\s*=|INSERT INTO tasks\b")
_JOB = """
INSERT INTO jobs (id, state, name, task_count, position, created_at, search)
VALUES ('job', 'CANCELLED', 'j', 1, 1, now(), '')
"""
_PARENT = """
INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition,
                   created_at, kind, children)
VALUES ('parent', 'job', 1, 'CANCELLED', '', '', 0, '{}', '{}', now(), 'parallel', '{"total": 108}')
"""
# A child in each state, of each kind, begun and not, that may fail and may not.
_CHILDREN = """
INSERT INTO tasks (id, job_id, position, state, name, queue, priority, retry, definition, node_id,
                   lease_expires_at, due_at, error, created_at, scheduled_at, kind, children,
                   subjob_id, allow_failure, parent_id, child_index)
SELECT 'child' || n, 'job', 1, s, '', '', 0, '{}', '{}', 'n1',
       CASE WHEN s = 'RUNNING' AND k = 'task' THEN now() END,
       CASE s WHEN 'PENDING' THEN now() END, CASE s WHEN 'FAILED' THEN 'boom' END, now(),
       CASE WHEN begun THEN now() END, k, CASE k WHEN 'parallel' THEN '{"total": 1}'::jsonb END,
       CASE k WHEN 'subjob' THEN 'other' END, allow_failure, 'parent', n
FROM (SELECT row_number() OVER () - 1 AS n, s, k, begun, allow_failure
      FROM unnest($1::text[]) AS s, unnest('{task,parallel,subjob}'::text[]) AS k,
           unnest('{true,false}'::bool[]) AS begun,
           unnest('{true,false}'::bool[]) AS allow_failure) AS made
"""


@pytest.fixture
async def connection(postgres_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_dsn)
    await set_up_connection(connection)
    await connection.execute("TRUNCATE jobs CASCADE")
    await connection.execute(_JOB)
    await connection.execute(_PARENT)
    await connection.execute(_CHILDREN, list(TaskState))
    yield connection
    await connection.execute("TRUNCATE jobs CASCADE")
    await connection.close()


def _of(moves: list[BulkMove], *, makes_successor: bool) -> set[tuple[str, str]]:
    return {
        (state, move.to_state)
        for move in moves
        if move.makes_successor is makes_successor
        for state in move.from_states
    }


@pytest.mark.parametrize("statement", BULK_MOVES, ids=["of jobs", "of parents", "reopen"])
async def test_a_statement_moves_what_is_declared(
    statement: str, connection: asyncpg.Connection
) -> None:
    states = dict(await connection.fetch("SELECT id, state FROM tasks"))
    at = dict(await connection.fetch("SELECT child_index, state FROM tasks"))
    meant = "job" if statement == CANCEL_CREATED_OF_JOBS else "parent"
    limit = [] if statement == REOPEN_CHILDREN else [1000]
    await connection.execute(statement, [meant], *limit)
    rows = await connection.fetch("SELECT id, child_index, state FROM tasks")
    moved = {
        (states[row["id"]], row["state"])
        for row in rows
        if row["id"] in states and states[row["id"]] != row["state"]
    }
    made = {(at[row["child_index"]], row["state"]) for row in rows if row["id"] not in states}
    assert moved == _of([*BULK_MOVES[statement]], makes_successor=False)
    assert made == _of([*BULK_MOVES[statement]], makes_successor=True)


def test_every_declared_move_is_made_by_a_statement() -> None:
    assert {move for moves in BULK_MOVES.values() for move in moves} == set(DECLARED)


def test_no_other_statement_moves_tasks_but_the_one_write_of_what_was_decided() -> None:
    moving = {name for name, sql in STATEMENTS.items() if _WRITES_STATES.search(sql)}
    declared = {name for name, sql in STATEMENTS.items() if sql in BULK_MOVES}
    assert {name for name in moving - declared if "writing: " not in name} == set()
    assert declared <= moving
