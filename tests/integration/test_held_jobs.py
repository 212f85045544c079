"""Jobs that wait, on a real database: drafts, jobs with a time, and tasks in their queues."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conveyor import AsyncClient, Conflict, Forbidden, Rejected
from conveyor.models import Lock
from services.coordinator.store import container_requests
from services.coordinator.store.deletion import delete_job
from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings
from shared.apply.apply import Work
from shared.broker.rabbitmq.broker import RabbitBroker
from shared.lifecycle import (
    Decision,
    JobLocked,
    JobPrioritized,
    JobReleased,
    JobRestarted,
    JobUpdated,
    TaskClaimed,
    TaskPrioritized,
)
from shared.messages import RunTask
from shared.planning.submission import new_job
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.jobs.definitions import job_definition
from tests.support.servers.brokers import fresh_queue, wait_until_up
from tests.support.services.dev import running_dev
from tests.support.services.scheduler import TASK, task_loops

SOON, LONG = timedelta(milliseconds=300), timedelta(days=1)
OTHER = [{"name": "one", "run": "a", "needs": []}, {"name": "two", "run": "b", "needs": []}]


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def test_a_draft_is_replaced_whole_then_released_and_runs(rig: Rig) -> None:
    job_id = await rig.submit([TASK], is_held=True)
    assert await rig.tasks(job_id) == []
    definition = job_definition(OTHER, name="other", timeout="1h", inputs={"a": "b"})
    for version in (2, 3):
        new = new_job(definition, job_id, datetime.now(UTC))
        work = Work(JobUpdated(job_id, version - 1), new_version=new)
        assert isinstance(await rig.batcher.perform_one(work), Decision)
    job = await rig.job(job_id)
    assert (job["state"], job["is_held"], job["name"]) == ("PENDING", True, "other")
    assert (job["spec_version"], job["task_count"], job["inputs"]) == (3, 2, {"a": "b"})
    assert isinstance(await rig.happen(JobReleased(job_id)), Decision)
    assert [task["name"] for task in await rig.tasks(job_id)] == ["one", "two"]
    job = await rig.job(job_id)
    assert (job["state"], job["is_held"], job["is_graph"]) == ("SCHEDULED", False, True)


async def test_a_draft_is_deleted_as_it_is_and_expires(rig: Rig) -> None:
    held, old = [await rig.submit([TASK], is_held=True) for _ in range(2)]
    waits = await rig.submit([TASK], start_at=datetime.now(UTC) + LONG)
    async with rig.pool.acquire() as connection:
        locked = await rig.happen(JobLocked(held, "ann", "digest", timedelta(minutes=5)))
        assert isinstance(locked, Decision)
        assert not await delete_job(connection, held, "other")
        assert await delete_job(connection, held, "digest")
        assert not await delete_job(connection, waits)
    for uuid in ("touched", "left"):
        await rig.pool.execute(container_requests.ADD, uuid, {}, None, None, [])
    retention = Retention(rig.pool, RetentionSettings(drafts_days=2))
    await retention.delete_old()
    assert await rig.job(old)
    for table in ("jobs", "container_requests"):
        await rig.pool.execute(f"UPDATE {table} SET created_at = now() - interval '49 h'")
    await rig.pool.execute(
        "UPDATE container_requests SET modified_at = created_at WHERE id = 'left'"
    )
    await retention.delete_old()
    assert [row["id"] for row in await rig.pool.fetch("SELECT id FROM jobs")] == [waits]
    drafts = await rig.pool.fetch("SELECT id FROM container_requests")
    assert [row["id"] for row in drafts] == ["touched"]


async def test_a_job_begins_at_its_time_and_not_before(rig: Rig) -> None:
    start_at = datetime.now(UTC) + SOON
    job_id = await rig.submit([TASK], start_at=start_at)
    late = await rig.submit([TASK], start_at=start_at + LONG)
    assert await rig.tasks(job_id) == []
    loops = task_loops(rig)
    while not await rig.tasks(job_id):
        assert await loops.start_due_jobs() is not None  # when it is to look again
    [task] = await rig.tasks(job_id)
    assert task["created_at"] >= start_at
    assert await rig.tasks(late) == []
    assert await loops.start_due_jobs() is None


async def test_a_job_fails_at_its_deadline_and_can_be_restarted_after_it(rig: Rig) -> None:
    deadline = datetime.now(UTC) + SOON
    ids = [
        await rig.submit([TASK], must_end_at=deadline, timeout=LONG),
        await rig.submit([TASK], must_end_at=deadline, is_held=True),
    ]
    loops = task_loops(rig)
    for job_id in ids:
        while (job := await rig.job(job_id))["state"] != "FAILED":
            await loops.end_timed_out_tasks()
        assert job["error"] == f"deadline {deadline:%Y-%m-%dT%H:%M:%SZ} passed"
    assert [task["state"] for task in await rig.tasks(ids[0])] == ["CANCELLED"]
    await rig.happen(JobRestarted(ids[0]))
    await loops.end_timed_out_tasks()
    await rig.run_current(ids[0])
    assert (await rig.job(ids[0]))["state"] == "COMPLETED"


async def edit_under_lock(client: AsyncClient, job_id: str, job: Callable[..., str]) -> None:
    """Of a hundred who lock the draft one may edit it."""
    tries = await asyncio.gather(*(client.lock(job_id) for _ in range(100)), return_exceptions=True)
    [lock] = [one for one in tries if isinstance(one, Lock)]
    assert sum(isinstance(one, Conflict) for one in tries) == 99
    with pytest.raises(Forbidden, match="only the holder of its lock token can delete it"):
        await client.delete(job_id)
    with pytest.raises(Forbidden, match="the job is locked until"):
        await client.update(job_id, job("exit 2"))
    await client.update(job_id, job("exit 1", "hold: true\ntags: [called, otherwise]"))
    await client.update(job_id, job("exit 2"), lock_token=lock.token)
    await client.renew_lock(job_id, lock.token, ttl="")  # not set: as long as by default
    renewed = await client.renew_lock(job_id, lock.token, ttl="1h")
    shown = await client.get(job_id)
    assert shown.locked_by
    assert (shown.locked_by.username, shown.locked_at) == ("guest", lock.locked_at)
    assert shown.lock_expires_at == renewed.expires_at
    with pytest.raises(Forbidden, match="locked with another token"):
        await client.unlock(job_id, "other")
    await client.unlock(job_id, lock.token)
    assert (await client.get(job_id)).locked_by is None


async def cancel_with_reason(client: AsyncClient, job: str) -> None:
    cancelled = await client.submit(job)
    for reason in ("wrong input", "once more"):
        await client.cancel(cancelled.id, reason=reason)
    shown = await client.get(cancelled.id)
    assert (shown.state, shown.cancel_reason) == ("CANCELLED", "wrong input")
    assert str(shown.cancelled_by_client).startswith("python-httpx/")


async def test_drafts_locks_and_start_times_by_the_api(tmp_path: Path) -> None:
    def job(script: str, more: str = "hold: true") -> str:
        return (
            f"name: draft\n{more}\ntasks: [{{name: t, var: v, run: {script!r}}}]\noutput: tasks.v"
        )

    async with running_dev(tmp_path) as url, AsyncClient(url) as client:
        held = await client.submit(job("exit 1"))
        shown = await client.get(held.id)
        assert (shown.state, shown.hold, shown.execution) == ("PENDING", True, [])
        assert shown.waiting
        assert (shown.waiting.reason, shown.waiting.message) == ("held", "held until its release")
        assert [found.id async for found in client.list(q="waiting")] == [held.id]
        await edit_under_lock(client, held.id, job)
        version = await client.update(held.id, job("printf done > $TORK_OUTPUT", ""))
        assert (version.version, (await client.get(held.id)).hold) == (4, True)
        shared = "permissions: [{role: public, access: view}]"
        for more in (shared, "", shared.replace("public", "admin"), "tags: [other]"):
            await client.update(held.id, job("printf done > $TORK_OUTPUT", more))
            shown = await client.get(held.id)
            [permission] = shown.permissions or []
            assert permission.role
            who = "public" if "admin" not in more and "other" not in more else "admin"
            assert permission.role.slug == who
        await client.release(held.id)
        assert (await client.wait(held.id)).result == "done"
        with pytest.raises(Rejected, match="job is COMPLETED and not held"):
            await client.release(held.id)

        await cancel_with_reason(client, job("true"))
        deleted = await client.submit(job("true"))
        await client.delete(deleted.id)
        start_at = datetime.now(UTC) + timedelta(seconds=2)
        waits = await client.submit(job("printf x > $TORK_OUTPUT", f"startAt: '{start_at:%FT%TZ}'"))
        waiting = (await client.get(waits.id)).waiting
        assert waiting
        assert (waiting.reason, waiting.until) == ("start_at", start_at.replace(microsecond=0))
        with pytest.raises(Conflict, match="only a final or held job can be deleted"):
            await client.delete(waits.id)
        assert (await client.wait(waits.id)).result == "x"
        past = datetime.now(UTC) - timedelta(hours=1)
        with pytest.raises(Rejected, match="must be in the future"):
            await client.submit(job("true", f"deadline: '{past:%FT%TZ}'"))
        soon = datetime.now(UTC) + timedelta(seconds=2)
        text = job("sleep 60", f"deadline: '{soon:%FT%TZ}'")
        late = await client.submit(text, idempotency_key="late")
        assert "passed" in str((await client.wait(late.id)).error)
        # What is asked again when it has passed has the answer of the first time
        assert (await client.submit(text, idempotency_key="late")).id == late.id
        with pytest.raises(Rejected, match="must be in the future"):
            await client.submit(text, idempotency_key="other")


@pytest.mark.real
async def test_a_job_that_becomes_more_urgent_overtakes_what_waits_and_runs_once(
    postgres_dsn: str, rabbitmq_url: str
) -> None:
    async with batcher_rig(postgres_dsn, broker=RabbitBroker(rabbitmq_url)) as rig:
        await wait_until_up(rig.broker)
        queue = fresh_queue()
        first, urgent = [await rig.submit([{**TASK, "queue": queue}] * 2) for _ in range(2)]
        outcome = await rig.happen(JobPrioritized(urgent, 7))
        assert isinstance(outcome, Decision)
        [task] = await rig.tasks(urgent)
        again = await rig.happen(TaskPrioritized(urgent, task["id"]))
        assert not isinstance(again, Decision), "it has the priority already"
        messages = await rig.receive(queue, 3)
        orders = [m for m in messages if isinstance(m, RunTask)]
        assert [(m.job_id, m.dispatch) for m in orders] == [(urgent, 2), (first, 1), (urgent, 1)]
        claims = [TaskClaimed(m.job_id, m.task_id, m.dispatch, "n1", LEASE) for m in orders]
        granted = [isinstance(await rig.happen(claim), Decision) for claim in claims]
        assert granted == [True, True, False]
        await rig.complete({**task, "dispatch": 2})
        await rig.receive(queue)
        assert [t["priority"] for t in await rig.tasks(urgent)] == [7, 7]
