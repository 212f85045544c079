"""A job with thousands of tasks is shown in portions, and just as a small one is."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.coordinator.api.tork import whole_job
from services.coordinator.store import one_job
from services.coordinator.store.rows import JobRow, SummaryRow, TaskRow
from shared.lifecycle import TaskState
from shared.postgres.pool import acquired
from shared.store.writing import Writes, write
from tests.support.http.api import Api, api_on, task_row

pytestmark = pytest.mark.real

JOB = """
name: large
secrets: {key: a-secret-value}
tasks:
  - name: first
    run: echo a-secret-value
    env: {API_SECRET: abc, HOME: /h}
"""
MANY = 1203


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as api:
        yield api


async def _with_tasks(api: Api, count: int) -> str:
    """A job with `count` tasks in its list, of which every other has been reached."""
    job_id: str = (await api.submit(JOB))["id"]
    definition = {"name": "t", "run": "echo a-secret-value", "env": {"API_SECRET": "abc"}}
    made = [
        task_row(job_id, definition, id=f"{job_id}-{n}", position=n, state=TaskState.CREATED)
        for n in range(1, count // 2 + 1)
    ]
    async with acquired(api.pool) as connection:
        await write(connection, Writes(new_tasks=made))
        await connection.execute(
            "INSERT INTO job_tasks SELECT job_id, n, task"
            " FROM job_tasks, generate_series(2, $2::int) n WHERE job_id = $1",
            job_id,
            count,
        )
        await connection.execute("UPDATE jobs SET task_count = $2 WHERE id = $1", job_id, count)
    return job_id


async def test_a_large_job_is_shown_whole_and_like_a_small_one(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await _with_tasks(api, MANY)
    # When it is shown in portions, and at once
    large = await api.raw("GET", f"/jobs/{job_id}")
    monkeypatch.setattr(one_job, "LARGE", 10_000)
    monkeypatch.setattr(one_job, "JOB", one_job.JOB.replace("1000", "10000"))
    small = await api.raw("GET", f"/jobs/{job_id}")
    # Then nothing differs, nothing is missing, and no secret is shown
    assert large.headers["Transfer-Encoding"] == "chunked"
    assert "Transfer-Encoding" not in small.headers
    assert await large.json() == await small.json()
    shown: Any = await large.json()
    assert len(shown["tasks"]) == MANY
    assert [task["position"] for task in shown["execution"]] == [*range(1, MANY // 2 + 1)]
    assert "a-secret-value" not in await large.text()
    assert {task["env"]["API_SECRET"] for task in shown["execution"]} == {"[REDACTED]"}


async def test_a_slow_client_gets_all_attempts_while_no_transaction_is_held(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a client for whom no transaction waits at all
    monkeypatch.setattr(whole_job, "_SNAPSHOT_WAITS_SECONDS", 0.0)
    monkeypatch.setattr(one_job, "PORTION", 50)
    job_id = await _with_tasks(api, MANY)
    shown = await api.get(f"/jobs/{job_id}")
    # Then each attempt is there, once and in order
    ids = [task["id"] for task in shown["execution"]]
    assert ids == [f"{job_id}-{n}" for n in range(1, MANY // 2 + 1)]


async def test_children_of_one_moment_are_in_order_over_portions(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_job, "_SNAPSHOT_WAITS_SECONDS", 0.0)
    monkeypatch.setattr(one_job, "PORTION", 7)
    job_id = await _with_tasks(api, MANY)
    parent = task_row(job_id, {"name": "p"}, id="parent", position=MANY, state=TaskState.CREATED)
    children = [
        task_row(
            job_id,
            {"name": "c"},
            id=f"child-{n}",
            position=MANY,
            parent_id="parent",
            child_index=n,
            state=TaskState.CREATED,
        )
        for n in range(30)
    ]
    async with acquired(api.pool) as connection:
        await write(connection, Writes(new_tasks=[parent, *reversed(children)]))
    execution = (await api.get(f"/jobs/{job_id}"))["execution"]
    assert [task["id"] for task in execution[-31:]] == [
        "parent",
        *(f"child-{n}" for n in range(30)),
    ]


async def test_a_client_that_leaves_frees_the_connection(api: Api) -> None:
    job_id = await _with_tasks(api, MANY)
    for _ in range(30):  # more than the pool has connections
        response = await api.client.get(f"/jobs/{job_id}")
        response.close()
    await asyncio.sleep(0)
    assert (await api.get(f"/jobs/{job_id}"))["id"] == job_id


async def test_the_columns_of_a_row_are_its_fields_in_order(api: Api) -> None:
    async with acquired(api.pool) as connection:
        for sql, fields in (
            (one_job.EXECUTION, TaskRow._fields),
            (one_job.EXECUTION_AFTER, TaskRow._fields),
            (one_job.TASK, (*TaskRow._fields, "sealed")),
            (one_job.SUMMARY, SummaryRow._fields),
            (one_job.JOB, (*SummaryRow._fields, *JobRow._fields[1:])),
        ):
            prepared = await connection.prepare(sql)
            assert tuple(a.name for a in prepared.get_attributes()) == fields
