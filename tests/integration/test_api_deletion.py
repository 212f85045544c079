"""Deleting jobs: only final ones, with all that belongs to them."""

from typing import Any

import pytest

from services.coordinator.store import deletion
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

ROWS = """
SELECT (SELECT count(*) FROM jobs) + (SELECT count(*) FROM tasks)
     + (SELECT count(*) FROM job_tasks) + (SELECT count(*) FROM task_log_parts)
     + (SELECT count(*) FROM job_events) + (SELECT count(*) FROM webhook_events)
     + (SELECT count(*) FROM webhook_deliveries) + (SELECT count(*) FROM job_variables)
"""
ADD_EVENTS = """
WITH e AS (INSERT INTO job_events (job_id, changes) VALUES ($1, '[]')),
     w AS (INSERT INTO webhook_events (job_id, changes) VALUES ($1, '[]'))
INSERT INTO webhook_deliveries (id, job_id, version, webhook, url, body, next_at, created_at)
VALUES ($1, $1, 1, 0, 'http://x', '', now(), now())
"""
MAKE_CHILD = """
UPDATE jobs SET parent_job_id = $2, parent_task_id = $3, parent_dispatch = 1 WHERE id = $1
"""


async def made(api: Api, name: str = "x", state: str = "COMPLETED", **task: Any) -> str:
    """A job with a task, a log, a variable, events and a webhook that is owed."""
    job = await api.submit(f"name: {name}\ntags: [{name}]\ntasks: [{{name: t}}]")
    job_id: str = job["id"]
    await api.set_job(job_id, state=state, error="e" if state == "FAILED" else None)
    row = await api.add_task(job_id, id=f"t-{job_id}", **task)
    await api.add_log(row, "one", "two")
    await api.set_variable(job_id, "v", "1")
    async with api.pool.acquire() as connection:
        await connection.execute(ADD_EVENTS, job_id)
    return job_id


async def rows(api: Api) -> int:
    async with api.pool.acquire() as connection:
        count: int = await connection.fetchval(ROWS)
    return count


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED"])
async def test_a_final_job_goes_with_all_that_belongs_to_it(
    postgres_dsn: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "_ROWS", 1)  # the first portion is a whole one
    async with api_on(postgres_dsn) as api:
        kept = await made(api)
        before = await rows(api)
        job_id = await made(api, state=state)
        assert await api.answer("DELETE", f"/jobs/{job_id}") == (200, {"status": "OK"})
        assert await rows(api) == before
        assert await api.answer("DELETE", f"/jobs/{job_id}") == (404, {"message": "no such job"})
        assert (await api.get("/jobs"))["items"][0]["id"] == kept


@pytest.mark.parametrize("state", ["PENDING", "SCHEDULED", "RUNNING"])
async def test_a_job_that_is_not_final_stays(postgres_dsn: str, state: str) -> None:
    async with api_on(postgres_dsn) as api:
        job_id = await made(api, state=state)
        before = await rows(api)
        status, body = await api.answer("DELETE", f"/jobs/{job_id}")
        assert (status, body["message"]) == (
            409,
            "only a final or held job can be deleted, and a sub-job only when no task waits for it",
        )
        assert await rows(api) == before


async def test_a_deletion_that_has_begun_leaves_nothing_to_restart(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api_on(postgres_dsn) as api:
        job_id = await made(api, state="FAILED")
        # Given a deletion that ends before the job's tasks are gone
        monkeypatch.setattr(deletion, "SOME_TASKS", "no SQL")
        assert (await api.raw("DELETE", f"/jobs/{job_id}")).status == 500
        # Then its time has come, by which restarts are refused and retention deletes the rest
        async with api.pool.acquire() as connection:
            asked = "SELECT delete_at <= now() FROM jobs WHERE id = $1"
            assert await connection.fetchval(asked, job_id)


async def test_a_job_that_retention_takes_from_under_its_deletion_is_deleted(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with api_on(postgres_dsn) as api:
        job_id = await made(api)
        monkeypatch.setattr(deletion, "SOME_TASKS", "DELETE FROM jobs WHERE id = ANY($1::text[])")
        assert await api.answer("DELETE", f"/jobs/{job_id}") == (200, {"status": "OK"})


async def test_sub_jobs_go_with_their_job_unless_they_are_still_running(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        top, middle, bottom, detached = [
            await made(api, name, state)
            for name, state in (
                ("top", "COMPLETED"),
                ("middle", "FAILED"),
                ("bottom", "CANCELLED"),
                ("detached", "RUNNING"),
            )
        ]
        for child, parent in ((middle, top), (bottom, middle), (detached, top)):
            async with api.pool.acquire() as connection:
                await connection.execute("UPDATE tasks SET kind = 'subjob'")
                await connection.execute(MAKE_CHILD, child, parent, f"t-{parent}")
        assert (await api.raw("DELETE", f"/jobs/{top}")).status == 200
        assert [job["id"] for job in (await api.get("/jobs"))["items"]] == [detached]


async def test_a_sub_job_that_is_waited_for_stays(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        parent = await made(api, "parent", "RUNNING")
        child = await made(api, "child")
        async with api.pool.acquire() as connection:
            await connection.execute(
                "UPDATE tasks SET state = 'RUNNING', kind = 'subjob' WHERE job_id = $1", parent
            )
            await connection.execute(MAKE_CHILD, child, parent, f"t-{parent}")
        assert (await api.raw("DELETE", f"/jobs/{child}")).status == 409
        assert await api.answer("DELETE", "/jobs?q=child") == (200, {"deleted": 0, "remaining": 0})


async def test_a_search_deletes_final_jobs_and_says_how_many(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MOST_JOBS", 2)
    monkeypatch.setattr(deletion, "_JOBS", 1)
    async with api_on(postgres_dsn) as api:
        jobs = [await made(api, "old") for _ in range(3)]
        await made(api, "old", "RUNNING")
        await made(api, "new", "FAILED")
        told = [
            await api.answer("DELETE", f"/jobs?{search}")
            for search in ("q=tag:old&dryRun=true", "q=tag:old", "q=old", "q=old", "q=failed")
        ]
        assert [body for _, body in told] == [
            {"deleted": 0, "remaining": 3},
            {"deleted": 2, "remaining": 1},
            {"deleted": 1, "remaining": 0},
            {"deleted": 0, "remaining": 0},
            {"deleted": 1, "remaining": 0},
        ]
        left = (await api.get("/jobs"))["items"]
        assert [job["state"] for job in left] == ["RUNNING"]
        assert not {job["id"] for job in left} & set(jobs)


@pytest.mark.parametrize("search", ["", "?q=", "?q=%20", "?q=tag:", "?dryRun=true"])
async def test_without_a_search_nothing_is_deleted(postgres_dsn: str, search: str) -> None:
    async with api_on(postgres_dsn) as api:
        await made(api)
        status, body = await api.answer("DELETE", f"/jobs{search}")
        assert (status, body["message"]) == (400, "q: is required: it says which jobs to delete")
        assert (await api.get("/jobs"))["totalItems"] == 1


async def test_the_key_of_a_deleted_job_makes_no_second_one(postgres_dsn: str) -> None:
    async with api_on(postgres_dsn) as api:
        headers = {"Content-Type": "text/yaml", "Idempotency-Key": "k"}
        body = b"name: x\ntasks: [{name: t}]"
        _, job = await api.answer("POST", "/jobs", data=body, headers=headers)
        await api.set_job(job["id"], state="COMPLETED")
        assert (await api.raw("DELETE", f"/jobs/{job['id']}")).status == 200
        assert (await api.raw("POST", "/jobs", data=body, headers=headers)).status == 409
