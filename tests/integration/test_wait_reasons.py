"""Why jobs and tasks wait, over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.lifecycle import TaskState
from shared.postgres.pool import acquired
from tests.support.http.api import Api, api_on

pytestmark = pytest.mark.real

_NODE = """
INSERT INTO nodes (id, name, hostname, port, version, queue, status, started_at, last_heartbeat_at,
                   lease)
VALUES ($1, 'w', 'host', 1, '1', $2, $3, now(), now(), '30s')
"""


_STANDS_FOR_JOB = """
UPDATE tasks SET state = 'RUNNING', kind = 'subjob', subjob_id = $1 WHERE id = 't2'
"""


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with api_on(postgres_dsn) as running:
        async with acquired(running.pool) as connection:
            await connection.execute(_NODE, "n1", "default:1", "UP")
            await connection.execute(_NODE, "gone", "gone:1", "OFFLINE")
        yield running


async def waiting_job(api: Api, task_id: str, **task: Any) -> str:
    job_id: str = (await api.submit("name: x\ntasks: [{name: a}, {name: b}]"))["id"]
    await api.set_job(job_id, state="SCHEDULED", position=1)
    queue = task.pop("queue", "default")
    task = {"state": TaskState.SCHEDULED, "scheduled_at": datetime.now(UTC)} | task
    await api.add_task(job_id, {"name": "a", "queue": queue}, id=task_id, **task)
    return job_id


async def test_a_job_a_task_and_a_search_say_why_they_wait(api: Api) -> None:
    running = await waiting_job(
        api,
        "t1",
        state=TaskState.RUNNING,
        node_id="n1",
        lease_expires_at=datetime.now(UTC),
    )
    busy = await waiting_job(api, "t2")
    nobody = await waiting_job(api, "t3", queue="gone")
    due = datetime.now(UTC) + timedelta(hours=3)
    retry = await waiting_job(api, "t4", state=TaskState.PENDING, due_at=due, attempt=2)
    wanted = {
        busy: {"reason": "busy", "message": "1 of 1 slots busy, 0 ahead", "taskId": "t2"},
        nobody: {
            "reason": "no_worker",
            "message": "no worker serves queue 'gone' (served: default)",
            "taskId": "t3",
        },
        retry: {"reason": "retry", "message": "retry 2 in 3 h", "taskId": "t4"},
    }
    page = await api.get("/jobs", params={"q": "waiting"})
    [until] = [job["waiting"].pop("until", None) for job in page["items"] if job["id"] == retry]
    assert datetime.fromisoformat(until) == due
    assert {job["id"]: job["waiting"] for job in page["items"]} == wanted
    assert page["totalItems"] == 3
    for job_id, why in wanted.items():
        job = await api.get(f"/jobs/{job_id}")
        assert job["waiting"].items() >= why.items()
        task_id = why.pop("taskId")
        assert (await api.get(f"/tasks/{task_id}"))["waiting"].items() >= why.items()
        assert job["execution"][0]["waiting"].items() >= why.items()
        assert job["tasks"][1]["waiting"] == {"reason": "needs", "message": "waits for task a"}
    assert "waiting" not in await api.get(f"/jobs/{running}")


async def test_a_job_whose_sub_job_waits_says_why_until_that_goes_on(api: Api) -> None:
    below = await waiting_job(api, "t1", queue="gone")
    parent = await waiting_job(api, "t2")
    async with acquired(api.pool) as connection:
        await connection.execute(_STANDS_FOR_JOB, below)
    job = await api.get(f"/jobs/{parent}")
    message = f"job {below}: no worker serves queue 'gone' (served: default)"
    assert job["waiting"] == {"reason": "no_worker", "message": message, "taskId": "t2"}
    assert job["execution"][0]["waiting"] == {"reason": "no_worker", "message": message}
    await api.add_task(
        below, id="t3", state=TaskState.RUNNING, node_id="n1", lease_expires_at=datetime.now(UTC)
    )
    assert "waiting" not in await api.get(f"/jobs/{parent}")
    assert "waiting" not in await api.get("/tasks/t2")


async def test_a_task_says_which_limit_of_its_job_holds_it_back(api: Api) -> None:
    for field, value, due_at, message in (
        ("concurrency", 1, None, "1 of at most 1 tasks of the job are active"),
        ("startRate", "9/h", datetime.now(UTC), "the job starts at most 9/h"),
    ):
        job_id = (await api.submit(f"name: x\n{field}: {value}\ntasks: [{{name: a}}]"))["id"]
        await api.set_job(job_id, state="SCHEDULED")
        async with acquired(api.pool) as connection:
            await connection.execute("UPDATE jobs SET slots = slots || '{\"active\": 1}'")
        task = await api.add_task(
            job_id, state=TaskState.PENDING, is_held_back=True, due_at=due_at, id=field
        )
        job = await api.get(f"/jobs/{job_id}")
        why = job["execution"][0]["waiting"]
        assert (job[field], why["message"]) == (value, message)
        assert why["reason"] == {"startRate": "start_rate"}.get(field, field)
        assert ("until" in why) == (due_at is not None)
        assert (await api.get(f"/tasks/{task.id}"))["waiting"] == why


async def test_a_page_behind_the_last_still_counts_the_jobs_that_wait(api: Api) -> None:
    await waiting_job(api, "t1")
    page = await api.get("/jobs", params={"q": "waiting", "page": 2})
    assert (page["items"], page["totalItems"]) == ([], 1)


async def test_nothing_waits_of_a_job_that_is_over(api: Api) -> None:
    job_id = await waiting_job(api, "t1")
    await api.set_job(job_id, state="CANCELLED")
    job = await api.get(f"/jobs/{job_id}")
    assert not [shown for shown in (job, *job["tasks"], *job["execution"]) if "waiting" in shown]
    assert "waiting" not in await api.get("/tasks/t1")
    assert (await api.get("/jobs", params={"q": "waiting"}))["items"] == []
