"""Schedules make their jobs: each firing once, by the database's clock, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.scheduler import schedules as schedule_loop
from services.scheduler.firing import Round, planned
from services.scheduler.store import schedules as store
from services.scheduler.store.schedules import TakenSchedule
from shared.definition import decode_defaults
from shared.messages import RunTask
from shared.planning import budgets
from shared.postgres.errors import DatabaseUnavailable
from shared.process.redaction import map_texts
from shared.process.sealing import Sealer, generate_key
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.jobs.definitions import job_definition
from tests.support.jobs.schedules import (
    TASKS,
    add,
    encoded,
    fire,
    jobs,
    loop_of,
    now,
    schedule,
    set_back,
)

pytestmark = pytest.mark.real


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


async def test_a_due_schedule_makes_one_job_and_moves_on(rig: Rig) -> None:
    schedule_id = await add(rig)
    await fire(loop_of(rig))
    [job] = await jobs(rig, schedule_id)
    assert (job["name"], job["state"]) == ("nightly", "SCHEDULED")
    row = await schedule(rig, schedule_id)
    assert row["last_job_id"] == job["id"]
    assert row["next_at"] == row["look_at"]
    assert row["next_at"].hour == 3
    assert row["next_at"] > job["created_at"]
    [message] = await rig.receive("default")
    assert isinstance(message, RunTask)
    assert message.origin == schedule_id


async def test_firings_that_are_made_up_for_may_make_more_tasks_than_one_event_may(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "MOST_TASKS", 10)
    task = {"name": "all", "each": {"list": "sequence(0, 8)", "task": TASKS[0]}}
    schedule_id = await add(
        rig, {"tasks": [task]}, cron="* * * * *", overdue=timedelta(minutes=2), catch_up="all"
    )
    await fire(loop_of(rig))
    made = await jobs(rig, schedule_id)
    assert len(made) >= 2
    assert {job["state"] for job in made} == {"SCHEDULED"}


async def test_its_jobs_are_as_they_were_submitted_and_belong_to_who_submitted_them(
    rig: Rig,
) -> None:
    spec = {
        "description": "all of it",
        "tags": ["night"],
        "inputs": {"n": "3"},
        "output": "{{ inputs.n }}",
        "defaults": {"queue": "slow", "retry": {"limit": 2}, "timeout": "5m"},
        "webhooks": [{"url": "http://hooks.test/x"}],
        "autoDelete": {"after": "1h"},
        "permissions": [{"user": "ann"}],
    }
    schedule_id = await add(rig, spec)
    await fire(loop_of(rig))
    [job] = await jobs(rig, schedule_id)
    for field in ("description", "tags", "inputs", "output", "permissions"):
        assert job[field] == spec[field]
    assert map_texts(job["webhooks"], rig.sealer.open_text) == spec["webhooks"]
    assert decode_defaults(job["defaults"]) == job_definition(TASKS, **spec).defaults
    assert job["auto_delete_after"] == timedelta(hours=1)
    assert (job["created_by"], job["readers"]) == ("ann", ["user:ann"])
    [task] = await rig.tasks(job["id"])
    assert (task["queue"], task["timeout"]) == ("slow", timedelta(minutes=5))


async def test_its_secrets_reach_its_jobs_and_only_them(rig: Rig) -> None:
    spec = {
        "secrets": {"key": "hunter22"},
        "tasks": [{"name": "t", "run": "true", "env": {"KEY": "{{ secrets.key }}"}}],
    }
    sealed = rig.sealer.seal({"secrets": {"key": "hunter22"}, "spec": encoded(**spec)})
    shown = {**spec, "secrets": {"key": "[REDACTED]"}}
    schedule_id = await add(rig, shown, sealed=sealed)
    await fire(loop_of(rig))
    [job] = await jobs(rig, schedule_id)
    assert rig.sealer.unseal(job["sealed"])["secrets"] == {"key": "hunter22"}
    assert "hunter22" not in str(await schedule(rig, schedule_id))


async def test_its_expressions_read_when_it_was_due(rig: Rig) -> None:
    tasks = [{"name": "t", "run": "true", "env": {"AT": "{{ schedule.scheduledAt }}"}}]
    schedule_id = await add(rig, {"tasks": tasks})
    due_at = (await schedule(rig, schedule_id))["next_at"]
    await fire(loop_of(rig))
    (job,) = await jobs(rig, schedule_id)
    assert job["schedule_at"] == due_at
    task = await rig.pool.fetchrow("SELECT * FROM tasks WHERE job_id = $1", job["id"])
    assert f"{due_at:%Y-%m-%dT%H:%M:%SZ}" in str(dict(task))


async def test_many_schedulers_at_once_make_each_job_once(rig: Rig) -> None:
    ids = [await add(rig) for _ in range(10)]
    await asyncio.gather(*(fire(loop_of(rig)) for _ in range(4)))
    assert [len(await jobs(rig, schedule_id)) for schedule_id in ids] == [1] * 10


async def test_many_schedules_fire_in_one_transaction(rig: Rig) -> None:
    ids = [await add(rig) for _ in range(150)]
    loop = loop_of(rig)
    assert [await loop.fire_due_schedules() for _ in range(3)] == [0, 0, None]
    made = await rig.pool.fetch("SELECT id, schedule_id, xmin::text FROM jobs")
    assert sorted(row["schedule_id"] for row in made) == sorted(ids)
    assert len({row["xmin"] for row in made}) < len(ids)
    moved = await rig.pool.fetch("SELECT id, last_job_id, last_at, next_at, look_at FROM schedules")
    job_of = {row["schedule_id"]: row["id"] for row in made}
    assert all(row["last_job_id"] == job_of[row["id"]] for row in moved)
    assert all(row["last_at"] < row["next_at"] == row["look_at"] for row in moved)


async def test_a_bug_with_one_schedule_keeps_no_other_from_firing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [await add(rig) for _ in range(3)]

    def buggy(taken: Sequence[TakenSchedule], *others: Any) -> Round:
        if any(due.id == ids[1] for due in taken):
            raise RuntimeError("a bug")
        return planned(taken, *others)

    monkeypatch.setattr(schedule_loop, "planned", buggy)
    await fire(loop_of(rig))
    assert [len(await jobs(rig, schedule_id)) for schedule_id in ids] == [1, 0, 1]
    assert (await schedule(rig, ids[1]))["error"] == "internal error"


async def test_a_crash_between_job_and_schedule_loses_and_doubles_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await add(rig)
    before = await schedule(rig, schedule_id)

    async def crash(*_: object) -> None:
        raise DatabaseUnavailable("connection lost")

    with monkeypatch.context() as patched:
        patched.setattr(store, "move_on", crash)
        with pytest.raises(DatabaseUnavailable):
            await fire(loop_of(rig))
    # Then neither has happened
    assert await jobs(rig, schedule_id) == []
    assert await schedule(rig, schedule_id) == before
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 1


async def test_a_schedule_that_was_set_back_does_not_fire_twice_for_the_same_time(
    rig: Rig,
) -> None:
    schedule_id = await add(rig)
    before = (await schedule(rig, schedule_id))["next_at"]
    await fire(loop_of(rig))
    await rig.pool.execute("UPDATE schedules SET next_at = $1, look_at = $1", before)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 1
    assert (await schedule(rig, schedule_id))["next_at"] > before


@pytest.mark.parametrize(("catch_up", "expected"), [("none", 0), ("one", 1), ("all", 4)])
async def test_what_was_missed_is_made_up_for_as_the_schedule_says(
    rig: Rig, catch_up: str, expected: int
) -> None:
    options: dict[str, Any] = {"cron": "@every 1h", "overdue": timedelta(hours=3, minutes=5)}
    schedule_id = await add(rig, catch_up=catch_up, **options)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == expected
    assert (await schedule(rig, schedule_id))["next_at"] > await now(rig)


async def test_a_firing_that_is_only_a_little_late_was_not_missed(rig: Rig) -> None:
    schedule_id = await add(rig, catch_up="none", overdue=timedelta(seconds=5))
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 1


async def test_at_most_a_hundred_missed_firings_are_made_up_for(rig: Rig) -> None:
    options: dict[str, Any] = {"cron": "@every 1m", "overdue": timedelta(days=2)}
    schedule_id = await add(rig, catch_up="all", **options)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 100


async def test_a_firing_is_skipped_while_a_job_of_the_schedule_goes_on(rig: Rig) -> None:
    schedule_id = await add(rig, overlap="skip")
    await fire(loop_of(rig))
    [job] = await jobs(rig, schedule_id)
    await set_back(rig)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 1
    # When the job is final, the next firing makes another
    await rig.run_current(job["id"])
    await set_back(rig)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 2


async def test_without_a_policy_jobs_of_a_schedule_may_overlap(rig: Rig) -> None:
    schedule_id = await add(rig)
    await fire(loop_of(rig))
    await set_back(rig)
    await fire(loop_of(rig))
    assert len(await jobs(rig, schedule_id)) == 2


async def test_a_schedule_whose_secrets_cannot_be_read_waits_and_holds_up_no_other(
    rig: Rig,
) -> None:
    sealed = Sealer([generate_key()]).seal({"secrets": {}, "spec": {}})
    broken = await add(rig, sealed=sealed, overdue=timedelta(minutes=1))
    healthy = await add(rig)
    with capture_logs() as logs:
        await fire(loop_of(rig))
    assert len(await jobs(rig, healthy)) == 1
    row = await schedule(rig, broken)
    assert "CONVEYOR_ENCRYPTION_KEY" in row["error"]
    assert row["next_at"] < row["look_at"]
    assert [line["schedule"] for line in logs if line["log_level"] == "error"] == [broken]
    # Once the key is there it fires, and the error is gone
    await rig.pool.execute(
        "UPDATE schedules SET look_at = next_at, sealed = NULL WHERE id = $1", broken
    )
    await fire(loop_of(rig))
    assert len(await jobs(rig, broken)) == 1
    assert (await schedule(rig, broken))["error"] is None


async def test_a_paused_schedule_makes_no_job(rig: Rig) -> None:
    schedule_id = await add(rig)
    await rig.pool.execute("UPDATE schedules SET state = 'PAUSED', next_at = NULL, look_at = NULL")
    await fire(loop_of(rig))
    assert await jobs(rig, schedule_id) == []


async def test_the_scheduler_wakes_up_for_the_next_firing(rig: Rig) -> None:
    loop = loop_of(rig, round_seconds=60)
    assert await loop.fire_due_schedules() is None
    await add(rig, overdue=timedelta(seconds=-50))
    wait = await loop.fire_due_schedules()
    assert wait is not None
    assert 0 < wait <= 50
    await add(rig, overdue=timedelta(hours=-1))
    assert (await loop.fire_due_schedules() or 0) <= 50
