"""What is deleted when its time has come, and what is kept."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.schedules import add
from tests.support.services.endpoints import add_endpoint, follow
from tests.support.services.scheduler import TASK


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def test_a_completed_job_is_deleted_at_its_time_with_all_that_is_its(rig: Rig) -> None:
    job_id = await rig.submit([TASK])
    await rig.run_current(job_id)
    await rig.pool.execute("UPDATE jobs SET delete_at = now() - interval '1 s'")
    await Retention(rig.pool, RetentionSettings()).delete_expired()
    for table in ("jobs", "job_tasks", "tasks", "job_events"):
        assert await rig.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_a_job_is_kept_until_endpoints_are_owed_what_happened_to_it(rig: Rig) -> None:
    disabled = await add_endpoint(rig.pool, rig.sealer, disabled=True)
    for is_asked in (True, False):
        job_id = await rig.submit([TASK])
        await rig.run_current(job_id)
        if is_asked:
            await add_endpoint(rig.pool, rig.sealer, events=["job.Progress"], filter="false")
            assert not await is_deleted(rig, job_id)
            await follow(rig.pool, rig.sealer)
        else:  # nobody is told any more
            await rig.pool.execute("DELETE FROM webhook_endpoints WHERE id <> $1", disabled)
        assert await is_deleted(rig, job_id)


async def is_deleted(rig: Rig, job_id: str) -> bool:
    """When its time has come."""
    await rig.pool.execute("UPDATE jobs SET delete_at = now() - interval '1 s'")
    await Retention(rig.pool, RetentionSettings()).delete_expired()
    rows = await rig.pool.fetch("SELECT FROM jobs WHERE id = $1", job_id)
    return not rows


async def test_ended_jobs_and_log_parts_are_kept_for_their_time_and_no_longer(rig: Rig) -> None:
    old, active = await rig.submit([TASK]), await rig.submit([TASK])
    await rig.run_current(old)
    await rig.pool.execute("UPDATE jobs SET created_at = now() - interval '366 days'")
    await rig.pool.execute(
        "INSERT INTO task_log_parts SELECT id, n, job_id, 'x', now() - make_interval(days => n * 6)"
        " FROM tasks, generate_series(1, 2) n WHERE job_id = $1",
        active,
    )
    await rig.pool.execute(
        "INSERT INTO image_digests SELECT n, 'x', now() - make_interval(days => n)"
        " FROM generate_series(364, 366, 2) n"
    )
    await Retention(rig.pool, RetentionSettings()).delete_old()
    assert [row["id"] for row in await rig.pool.fetch("SELECT id FROM jobs")] == [active]
    assert await rig.pool.fetchval("SELECT max(name) FROM image_digests") == "364"
    assert [row["number"] for row in await rig.pool.fetch("SELECT number FROM task_log_parts")] == [
        1
    ]


async def test_events_are_kept_for_their_time_and_no_longer_than_their_job(rig: Rig) -> None:
    old, active = await rig.submit([TASK]), await rig.submit([TASK])
    await rig.run_current(old)
    await rig.pool.execute(
        "UPDATE jobs SET created_at = now() - interval '366 d' WHERE id = $1", old
    )
    await rig.pool.execute(
        "INSERT INTO job_events (job_id, changes, at)"
        " SELECT $1, '[]', now() - make_interval(days => n) FROM generate_series(6, 8) n",
        active,
    )
    await Retention(rig.pool, RetentionSettings()).delete_old()
    rows = await rig.pool.fetch("SELECT job_id, now() - at AS age FROM job_events")
    assert {row["job_id"] for row in rows} == {active}
    assert max(row["age"] for row in rows) < timedelta(days=7)


async def test_runs_of_schedules_are_kept_for_their_time_but_while_they_wait(rig: Rig) -> None:
    schedule_id = await add(rig)
    await rig.pool.execute(
        "INSERT INTO schedule_runs (schedule_id, kind, state, scheduled_at, at)"
        " SELECT $1, 'SCHEDULED', state, at, at"
        " FROM unnest('{FIRED,SKIPPED,HELD}'::text[]) AS state,"
        " unnest(ARRAY[now() - interval '6 d', now() - interval '8 d']) AS at",
        schedule_id,
    )
    await Retention(rig.pool, RetentionSettings()).delete_old()
    kept = await rig.pool.fetch("SELECT state FROM schedule_runs ORDER BY at, state")
    assert [row["state"] for row in kept] == ["HELD", "FIRED", "HELD", "SKIPPED"]
