"""The policies of schedules: what becomes of firings that meet a job, a failure or an end."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.scheduler.store.schedules import TURNS
from shared.lifecycle import TaskClaimed, TaskFailed
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.jobs.schedules import (
    add,
    fire,
    jobs,
    loop_of,
    now,
    schedule,
    set_back,
)
from tests.support.servers.bulk_rows import bulk_rows, numbers
from tests.support.services.sent_bodies import expect_notice_described

pytestmark = pytest.mark.real

DUE_AT_ONCE = """
INSERT INTO schedules (id, state, cron, timezone, overlap, catch_up, spec, created_at, next_at,
                       look_at)
SELECT 'schedule' || n, 'ACTIVE', '* * * * *', 'UTC', 'allow', 'one', '{}', now(), now(), now()
FROM generate_series(1, 2000) AS n
"""
AN_ACTIVE_JOB_EACH = bulk_rows("jobs", numbers(1, 2000), schedule_id="'schedule' || n")


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def runs(rig: Rig, schedule_id: str) -> list[tuple[str, str | None]]:
    rows = await rig.pool.fetch(
        "SELECT state, job_id FROM schedule_runs WHERE schedule_id = $1 ORDER BY id", schedule_id
    )
    return [tuple(row) for row in rows]


async def test_a_held_firing_goes_on_as_soon_as_the_job_before_it_has_ended(rig: Rig) -> None:
    schedule_id = await add(rig, overlap="bufferOne")
    loop = loop_of(rig)
    await fire(loop)
    [first] = await jobs(rig, schedule_id)
    for _ in range(2):  # the second finds the buffer full
        await set_back(rig)
        await fire(loop)
    assert [state for state, _ in await runs(rig, schedule_id)] == ["FIRED", "HELD", "SKIPPED"]
    held = (await schedule(rig, schedule_id))["held"]
    assert len(held) == 1
    await rig.run_current(first["id"])
    await fire(loop)
    second = max(await jobs(rig, schedule_id), key=lambda job: job["created_at"])
    assert (second["schedule_at"], second["state"]) == (held[0], "SCHEDULED")
    row = await schedule(rig, schedule_id)
    assert (row["held"], row["last_job_id"], row["runs"]) == ([], second["id"], 2)
    assert row["next_at"] == row["look_at"] > await now(rig)
    states = [("FIRED", first["id"]), ("SKIPPED", None), ("FIRED", second["id"])]
    assert await runs(rig, schedule_id) == states
    assert await rig.pool.fetchval("SELECT count(*) FROM schedule_ends") == 0


async def test_a_held_firing_goes_on_also_when_nobody_told_of_the_end(rig: Rig) -> None:
    schedule_id = await add(rig, overlap="bufferAll")
    loop = loop_of(rig)
    await fire(loop)
    [first] = await jobs(rig, schedule_id)
    await set_back(rig)
    await fire(loop)
    await loop.call_holding()
    await fire(loop)
    assert len(await jobs(rig, schedule_id)) == 1
    await rig.run_current(first["id"])
    await rig.pool.execute("DELETE FROM schedule_ends")
    await loop.call_holding()
    await fire(loop)
    assert len(await jobs(rig, schedule_id)) == 2


async def test_the_job_before_is_cancelled_in_the_transaction_of_the_next(rig: Rig) -> None:
    schedule_id = await add(rig, overlap="cancelOther")
    loop = loop_of(rig)
    await fire(loop)
    await set_back(rig)
    await fire(loop)
    made = await rig.pool.fetch("SELECT state, xmin::text FROM jobs ORDER BY created_at")
    assert [job["state"] for job in made] == ["CANCELLED", "SCHEDULED"]
    assert made[0]["xmin"] == made[1]["xmin"]
    assert len(await jobs(rig, schedule_id)) == 2


async def test_jobs_that_fail_in_a_row_pause_their_schedule_and_say_so(rig: Rig) -> None:
    schedule_id = await add(rig, rules={"pauseOnFailure": 1})
    loop = loop_of(rig)
    await fire(loop)
    [job] = await jobs(rig, schedule_id)
    [task] = await rig.tasks(job["id"])
    ref = (job["id"], task["id"], task["dispatch"], "n1")
    await rig.happen(TaskClaimed(*ref, LEASE))
    await rig.happen(TaskFailed(*ref, "boom"))
    await fire(loop)
    row = await schedule(rig, schedule_id)
    assert (row["state"], row["next_at"], row["failures"]) == ("PAUSED", None, 1)
    assert row["note"] == "paused by pauseOnFailure: 1 failed job"


@pytest.mark.parametrize(
    "columns",
    [
        {"cron": "@every 1s", "rules": {"maxRuns": 1}},
        {"cron": "", "rules": {"at": "2026-01-01T00:00:00Z"}},
    ],
)
async def test_a_schedule_ends_with_its_last_job(rig: Rig, columns: dict[str, Any]) -> None:
    schedule_id = await add(rig, **columns)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 1
    row = await schedule(rig, schedule_id)
    assert (row["state"], row["next_at"], row["look_at"]) == ("ENDED", None, None)
    assert row["ended_at"] is not None


async def test_endpoints_that_ask_are_told_what_fired_and_what_was_skipped(rig: Rig) -> None:
    await rig.pool.execute(
        "INSERT INTO webhook_endpoints (id, url, receiver, events, secrets, created_at, updated_at)"
        " VALUES ('e', '', '', '{schedule.Fired,schedule.Skipped}', '[]', now(), now())"
    )
    schedule_id = await add(rig, overlap="skip", rules={"tags": []})
    for _ in range(2):
        await fire(loop_of(rig))
        await set_back(rig)
    fired, skipped = await rig.pool.fetch("SELECT * FROM webhook_notices ORDER BY id")
    assert (fired["event"], skipped["event"]) == ("schedule.Fired", "schedule.Skipped")
    for notice in (fired, skipped):
        expect_notice_described(notice["event"], notice["data"])
    [job] = await jobs(rig, schedule_id)
    assert fired["data"]["jobId"] == job["id"]
    assert skipped["data"] | {"id": schedule_id, "name": "nightly"} == skipped["data"]
    assert skipped["data"]["reason"] == "overlap is skip: a job is still active"
    assert fired["readers"] == ["user:ann"]


async def test_a_round_takes_no_longer_for_the_jobs_of_other_schedules(rig: Rig) -> None:
    # Given a connection that planned the statement when no job was active
    async with rig.pool.acquire() as connection:
        await connection.execute(DUE_AT_ONCE)
        await connection.execute("ANALYZE schedules, jobs")
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        await connection.execute(f"PREPARE turns AS {TURNS}")
        await connection.execute("EXECUTE turns(400)")
        # When each schedule has an active job
        await connection.execute(AN_ACTIVE_JOB_EACH)
        # Then the schedules aren't looked up again for each of them
        explained = await connection.fetchval(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE turns(400)"
        )
        [plan] = json.loads(explained)
        assert plan["Plan"]["Shared Hit Blocks"] < 10_000, plan
