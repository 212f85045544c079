"""Time-outs of jobs and queues, the feed of changes, and what a step costs in a large family."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from services.scheduler.store import due
from shared.lifecycle import (
    Event,
    JobCancelled,
    JobRestarted,
    SlotCountDue,
    Slots,
    StartRate,
    TaskClaimed,
    TaskFailed,
    TaskProgressed,
    TaskSucceeded,
)
from shared.messages import Orders, SubJobSignals
from shared.messages.queues import node_queue
from shared.postgres import pool
from shared.postgres.pool import acquired
from tests.support.family_invariants import check_invariants
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.jobs.families import STAYS, Fails, Play

SHELL = {"run": "true"}
SHIFT = """
UPDATE {table} SET deadline_at = deadline_at - interval '2 hours' WHERE deadline_at IS NOT NULL
"""

HOUR_IS_OVER = {
    "tasks": "UPDATE tasks SET due_at = due_at - interval '1 hour' WHERE due_at IS NOT NULL",
    "jobs": "UPDATE jobs SET slots = slots - 'paid_until'",
}


async def after_two_hours(play: Play) -> list[Event]:
    """What the scheduler finds then, done."""
    for table in ("jobs", "tasks"):
        await play.rig.pool.execute(SHIFT.format(table=table))
    async with acquired(play.rig.pool) as connection:
        events = await due.timed_out(connection, timedelta())
    await play.happen(*events)
    await play.deliver()
    return events


def family(**fields: Any) -> dict[str, Any]:
    return {"name": "e", "each": {"list": ["a", "b"], "task": {**SHELL, "name": "x"} | fields}}


async def test_a_job_that_takes_too_long_fails_with_all_it_is_made_of(play: Play) -> None:
    sub = {"name": "s", "needs": [], "subjob": {"name": "sub", "tasks": [{**SHELL, "name": "y"}]}}
    job_id = await play.submit_tasks({**family(), "needs": []}, sub, timeout="1h")
    await play.run_round(lambda _: STAYS)
    await after_two_hours(play)
    job = await play.rig.job(job_id)
    assert (job["state"], job["error"]) == ("FAILED", "timed out after 3600s")
    assert (await play.subjob_of(await play.task(job_id, "s")))["state"] == "CANCELLED"
    states = await play.rig.pool.fetch("SELECT DISTINCT state FROM tasks")
    assert [row["state"] for row in states] == ["CANCELLED"]
    assert await after_two_hours(play) == []


async def test_a_job_that_waits_for_its_first_worker_does_not_time_out(play: Play) -> None:
    job_id = await play.submit_tasks(family(), timeout="1h")
    assert await after_two_hours(play) == []
    assert await play.state(job_id) == "SCHEDULED"


async def test_a_restarted_job_has_its_time_again(play: Play) -> None:
    job_id = await play.submit_tasks(family(), timeout="1h")
    await play.run_round(lambda _: STAYS)
    await after_two_hours(play)
    await play.happen(JobRestarted(job_id))
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_a_sub_job_that_takes_too_long_fails_its_parent(play: Play) -> None:
    sub = {"name": "sub", "timeout": "1h", "tasks": [{**SHELL, "name": "y"}]}
    job_id = await play.submit_tasks({"name": "s", "subjob": sub})
    await play.run_round(lambda _: STAYS)
    await after_two_hours(play)
    assert "timed out after 3600s" in (await play.rig.job(job_id))["error"]


async def test_a_task_that_no_worker_takes_in_time_fails(play: Play) -> None:
    job_id = await play.submit_tasks(family(queue="nobody", queueTimeout="1h", retry={"limit": 3}))
    assert len(await after_two_hours(play)) == 2
    error = (await play.rig.job(job_id))["error"]
    assert error == "no worker took it from queue 'nobody' within 3600s"


async def test_children_that_no_worker_takes_are_forgiven_where_some_may_fail(play: Play) -> None:
    task = family(queueTimeout="1h")
    task["each"] |= {"minSuccess": 1, "concurrency": 1}
    job_id = await play.submit_tasks(task)
    await after_two_hours(play)
    await play.run()
    assert await play.state(job_id) == "COMPLETED"


async def test_a_task_that_runs_is_not_held_to_its_time_in_the_queue(play: Play) -> None:
    job_id = await play.submit_tasks({**SHELL, "name": "x", "queueTimeout": "1h"})
    [row] = await play.waiting()
    await play.happen(TaskClaimed(job_id, row["id"], 1, "n1", LEASE))
    assert await after_two_hours(play) == []


async def test_progress_of_nested_tasks_moves_all_that_they_are_part_of(play: Play) -> None:
    inner = {
        "name": "inner",
        "parallel": {"tasks": [{**SHELL, "name": "x"}, {**SHELL, "name": "y"}]},
    }
    outer = {"list": [1, 2], "task": inner}
    job_id = await play.submit_tasks({"name": "e", "each": outer}, {**SHELL, "name": "z"})
    await play.run_round(lambda _: STAYS)
    row = await play.task(job_id, "x")
    await play.happen(TaskProgressed(job_id, row["id"], 1, 40))
    assert (await play.task(job_id, "e"))["progress"] == 10
    assert (await play.rig.job(job_id))["progress"] == 5
    await play.happen(TaskProgressed(job_id, row["id"], 1, 20))
    assert (await play.rig.job(job_id))["progress"] == 2.5


async def test_the_feed_has_each_change_once_in_order_with_a_row_for_each_transaction(
    play: Play,
) -> None:
    job_id = await play.submit_tasks(family(), {**SHELL, "name": "z"})
    await play.run(lambda row: Fails() if row["name"] == "z" else None)
    await play.happen(JobRestarted(job_id))
    await play.happen(JobCancelled(job_id))
    rows = await play.rig.pool.fetch(
        "SELECT txid, changes FROM job_events WHERE job_id = $1 ORDER BY txid, seq", job_id
    )
    assert len({row["txid"] for row in rows}) == len(rows)
    changes = [change for row in rows for change in row["changes"]]
    assert [change["version"] for change in changes] == list(range(len(changes)))
    job_states = [c["state"] for c in changes if "task_id" not in c and not c.get("is_progress")]
    assert job_states == [
        "PENDING",
        "SCHEDULED",
        "RUNNING",
        "FAILED",
        "PENDING",
        "SCHEDULED",
        "CANCELLED",
    ]


async def test_a_cancelled_family_is_told_to_each_worker_in_one_message(play: Play) -> None:
    job_id = await play.submit_tasks(family())
    rows = await play.waiting()
    async with play.rig.broker.consume(node_queue("n1"), prefetch=9):
        pass  # the queue exists now
    await play.happen(*(TaskClaimed(job_id, row["id"], 1, "n1", LEASE) for row in rows))
    await play.happen(JobCancelled(job_id))
    granted, stopped = await play.rig.receive(node_queue("n1"), 2)
    assert isinstance(granted, Orders)
    assert isinstance(stopped, Orders)
    assert {order.task_id for order in stopped.stop} == {row["id"] for row in rows}


async def test_cancelling_many_sub_jobs_takes_one_message(play: Play) -> None:
    sub = {"name": "sub", "tasks": [{**SHELL, "name": "y"}]}
    task = {"name": "s", "subjob": sub}
    job_id = await play.submit_tasks({"name": "e", "each": {"list": [1, 2, 3], "task": task}})
    await play.happen(JobCancelled(job_id))
    [message] = await play.subjob_signals()
    assert isinstance(message, SubJobSignals)
    assert len(message.abandoned) == 3


OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
READ = """
SELECT coalesce(sum(seq_tup_read), 0)::bigint AS scanned,
       coalesce(sum(idx_tup_fetch), 0)::bigint AS fetched
FROM pg_stat_user_tables WHERE relname = 'tasks'
"""
CHILDREN = 10_000
STEPS = 60


async def test_a_step_in_a_family_of_ten_thousand_reads_a_handful_of_its_rows(
    postgres_dsn: str,
) -> None:
    # Given a family of ten thousand, of which a hundred may run at once
    async with batcher_rig(postgres_dsn) as rig:
        play = Play(rig)
        made_of = {"list": f"sequence(0, {CHILDREN})", "concurrency": 100}
        task = {**SHELL, "name": "{{ item.value }}"}
        job_id = await play.submit_tasks({"name": "e", "each": {**made_of, "task": task}})
        waiting = [row["id"] for row in await play.waiting()]
        assert len(waiting) == 100
    before = await rows_read(postgres_dsn)
    # When some of them are claimed, report progress and end
    async with batcher_rig(postgres_dsn) as rig:
        play = Play(rig)
        for id_ in waiting[:STEPS]:
            ref = (job_id, id_, 1)
            await play.happen(TaskClaimed(*ref, "n1", LEASE))
            await play.happen(TaskProgressed(*ref, 50))
            await play.happen(TaskSucceeded(*ref, "n1"))
    # Then what was read has nothing to do with how many there are
    after = await rows_read(postgres_dsn)
    assert after - before < STEPS * 60
    # And cancelling reads those that are active
    async with batcher_rig(postgres_dsn) as rig:
        await Play(rig).happen(JobCancelled(job_id))
        states = await rig.pool.fetch("SELECT state, count(*) FROM tasks GROUP BY state")
        counts = {row["state"]: row["count"] for row in states}
        assert counts == {"COMPLETED": STEPS, "CANCELLED": CHILDREN - STEPS + 1}
        await check_invariants(rig.pool)


async def rows_read(dsn: str) -> int:
    """Rows of `tasks` that all connections, closed by now, have looked at.

    A server's process says what it has read before it is gone, and goes after its client.
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(60):
            while await connection.fetchval(OTHERS):
                await asyncio.sleep(0.01)
        row = await connection.fetchrow(READ)
        return int(row["scanned"]) + int(row["fetched"])
    finally:
        await connection.close()


async def test_a_step_of_a_child_costs_the_same_however_many_its_parallel_task_lists(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a parallel task whose own text is long, as it lists all of its children
    listed = [{"name": f"t{n}", "run": "echo " + "x" * 500} for n in range(300)]
    async with batcher_rig(postgres_dsn) as rig:
        play = Play(rig)
        job_id = await play.submit_tasks({"name": "p", "parallel": {"tasks": listed}})
        [row, *_] = await play.waiting()
    read: list[int] = []
    decode = pool._decode_jsonb

    def counting(data: bytes) -> object:
        read.append(len(data))
        return decode(data)

    monkeypatch.setattr(pool, "_decode_jsonb", counting)
    # When one of them is claimed and ends
    async with batcher_rig(postgres_dsn) as rig:
        ref = (job_id, row["id"], 1, "n1")
        await Play(rig).happen(TaskClaimed(*ref, LEASE))
        await Play(rig).happen(TaskSucceeded(*ref, "n1"))
    # Then that text was not read
    assert sum(read) < 20_000


async def test_a_family_that_fails_reads_nothing_of_the_families_beside_it(
    postgres_dsn: str,
) -> None:
    # Given a thousand families of which all children may run, and any may fail
    two = [{**SHELL, "name": name} for name in ("a", "b")]
    inner = {"name": "i", "allowFailure": True, "parallel": {"tasks": two}}
    made_of = {"list": "sequence(0, 1000)", "concurrency": 1000, "task": inner}
    async with batcher_rig(postgres_dsn) as rig:
        play = Play(rig)
        job_id = await play.submit_tasks({"name": "e", "each": made_of})
        await play.deliver()
        failing = [row for row in await play.waiting() if row["name"] == "a"][:STEPS]
        assert len(await play.waiting()) == 2000
    before = await rows_read(postgres_dsn)
    # When a child fails in some of them, and the other is cancelled
    async with batcher_rig(postgres_dsn) as rig:
        for row in failing:
            ref = (job_id, row["id"], 1, "n1")
            await Play(rig).happen(TaskClaimed(*ref, LEASE))
            await Play(rig).happen(TaskFailed(*ref, "boom"))
    # Then what was read has nothing to do with how many others there are
    after = await rows_read(postgres_dsn)
    assert after - before < STEPS * 60


async def test_the_limits_of_a_job_hold_tasks_back_until_a_slot_is_free_and_it_is_time(
    play: Play,
) -> None:
    rig = play.rig
    tasks = [{**SHELL, "name": name, "needs": []} for name in "abc"]
    job_id = await rig.submit(tasks, slots=Slots(concurrency=1, rate=StartRate(1, 3600)))
    assert await states_of(rig, job_id) == {"a": "SCHEDULED", "b": "held", "c": "held"}
    async with acquired(rig.pool) as connection:
        assert await due.due_slot_counts(connection) == []
        await connection.execute(COUNTED_WRONG)
        assert await due.due_slot_counts(connection) == [SlotCountDue(job_id)]
    await rig.happen(SlotCountDue(job_id))
    for name in "bc":
        await rig.run_current(job_id)
        async with acquired(rig.pool) as connection:
            assert await due.due_retries(connection) == []
            await connection.execute(HOUR_IS_OVER["tasks"])
            await connection.execute(HOUR_IS_OVER["jobs"])
            [is_due] = await due.due_retries(connection)
        await rig.happen(is_due)
        assert (await states_of(rig, job_id))[name] == "SCHEDULED"
    await rig.run_current(job_id)
    job = await rig.job(job_id)
    assert (job["state"], job["slots"].keys()) == (
        "COMPLETED",
        {"concurrency", "rate", "paid_until"},
    )


COUNTED_WRONG = """UPDATE jobs SET slots = slots || '{"active": 2}'"""


async def states_of(rig: Rig, job_id: str) -> dict[str, str]:
    tasks = await rig.tasks(job_id)
    return {t["name"]: "held" if t["is_held_back"] else t["state"] for t in tasks}
