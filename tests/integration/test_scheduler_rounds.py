"""The scheduler's rounds: what happens when time has passed, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import asyncpg
import pytest
import structlog

from services.coordinator.handlers import on_completions
from services.scheduler.due_times import DueTimes
from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import DueWatch, Performer, TaskLoops
from services.scheduler.lost_workers import LostWorkers
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.retention import Retention
from services.scheduler.settings import RetentionSettings, ScheduleSettings
from services.scheduler.store import due
from services.worker.heartbeats import started_now
from shared.broker.protocol import Outgoing
from shared.lifecycle import TaskClaimed, TaskFailed
from shared.messages import Heartbeat, Orders, Reports, RunTask, StillHeld, TaskRef, encode
from shared.messages.queues import COMPLETIONS, node_queue
from shared.postgres.errors import DatabaseUnavailable
from shared.process.metrics import Metrics
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig

TASK = {"name": "build", "run": "true"}
OVERDUE = timedelta(seconds=-1)


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


def no_grace() -> LivenessGuard:
    return LivenessGuard(0, lambda: 0.0)


def task_loops(rig: Rig, **settings_: float) -> TaskLoops:
    settings = ScheduleSettings(timeout_grace_seconds=0.001, **settings_)
    performer = Performer(rig.batcher, rig.broker, SchedulerMetrics(Metrics(), no_grace()))
    return TaskLoops(rig.pool, rig.broker, performer, DueTimes(rig.pool, no_grace()), settings)


def lost_workers(rig: Rig, liveness: LivenessGuard | None = None) -> LostWorkers:
    liveness = liveness or no_grace()
    metrics = SchedulerMetrics(Metrics(), liveness)
    performer = Performer(rig.batcher, rig.broker, metrics)
    due_times = DueTimes(rig.pool, liveness)
    return LostWorkers(rig.pool, rig.batcher.outbox, performer, due_times, liveness, metrics)


async def claimed(
    rig: Rig, task: Mapping[str, object], lease: timedelta = LEASE
) -> tuple[str, str]:
    job_id = await rig.submit([dict(task)])
    [row] = await rig.tasks(job_id)
    await rig.happen(TaskClaimed(job_id, row["id"], 1, "n1", lease))
    return job_id, row["id"]


async def test_a_due_retry_is_sent(rig: Rig) -> None:
    retry = {"limit": 1, "initialDelay": "1ms"}
    job_id, task_id = await claimed(rig, {**TASK, "retry": retry})
    await rig.receive("default")
    await rig.happen(TaskFailed(job_id, task_id, 1, "n1", "boom"))
    loops = task_loops(rig)
    while await loops.send_due_retries() != 0:
        pass  # its millisecond has not passed yet
    [message] = await rig.receive("default")
    assert isinstance(message, RunTask)
    assert message.attempt == 1


async def test_a_task_past_its_timeout_fails_though_its_worker_is_silent(rig: Rig) -> None:
    job_id, _ = await claimed(rig, {**TASK, "timeout": "1ms"})
    loops = task_loops(rig)
    while (await rig.job(job_id))["state"] != "FAILED":
        await loops.end_timed_out_tasks()
    assert (await rig.job(job_id))["error"] == "timed out"


async def test_a_task_whose_lease_ran_out_is_dispatched_anew(rig: Rig) -> None:
    job_id, task_id = await claimed(rig, TASK, OVERDUE)
    with structlog.testing.capture_logs() as lines:
        await lost_workers(rig).expire_leases()
    [task] = await rig.tasks(job_id)
    assert (task["state"], task["dispatch"], task["lost"]) == ("SCHEDULED", 2, 1)
    said = {"event": "lease_expired", "job": job_id, "task": task_id, "log_level": "info"}
    assert said in lines


async def test_a_worker_that_is_heard_is_asked_what_became_of_its_task_before_another_gets_it(
    rig: Rig,
) -> None:
    # Given a task whose lease has run out, and its worker, which is heard and doesn't name it
    job_id, task_id = await claimed(rig, TASK, OVERDUE)
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    async with rig.broker.consume(node_queue("n1"), prefetch=1):
        pass  # its queue exists
    # When lost workers are looked for
    await lost_workers(rig).expire_leases()
    # Then the task stays with the worker, which is asked about it
    [orders] = await rig.receive(node_queue("n1"))
    assert isinstance(orders, Orders)
    assert orders.status_queries == [TaskRef(job_id=job_id, task_id=task_id, dispatch=1)]
    [task] = await rig.tasks(job_id)
    assert (task["state"], task["dispatch"]) == ("RUNNING", 1)


async def test_a_worker_is_asked_before_its_lease_runs_out_and_its_answer_renews_it(
    rig: Rig,
) -> None:
    # Given a worker whose heartbeats don't arrive, and whose lease lasts for another moment
    job_id, task_id = await claimed(rig, TASK, LEASE / 4)
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    async with rig.broker.consume(node_queue("n1"), prefetch=1):
        pass  # its queue exists
    ref = TaskRef(job_id=job_id, task_id=task_id, dispatch=1)
    # When it is asked, and says that it has the task in hand
    await lost_workers(rig).expire_leases()
    [orders] = await rig.receive(node_queue("n1"))
    assert isinstance(orders, Orders)
    assert orders.status_queries == [ref]
    in_hand = StillHeld(**ref.model_dump())
    reports = Reports(node_id="n1", lease_seconds=30, still_held=[in_hand])
    await on_completions(rig.batcher, rig.pool, [reports])
    # Then its lease lasts as long as after a heartbeat
    [task] = await rig.tasks(job_id)
    assert task["lease_expires_at"] - task["started_at"] > LEASE * 0.9


async def test_a_worker_that_gives_no_account_for_long_loses_its_task(rig: Rig) -> None:
    job_id, _ = await claimed(rig, TASK, -3 * LEASE)
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    await lost_workers(rig).expire_leases()
    [task] = await rig.tasks(job_id)
    assert (task["state"], task["dispatch"]) == ("SCHEDULED", 2)


@pytest.mark.parametrize(("task", "lease"), [(TASK, OVERDUE), ({**TASK, "timeout": "1ms"}, LEASE)])
async def test_no_task_ends_while_what_became_of_it_may_lie_unread_and_shortly_after(
    rig: Rig, task: Mapping[str, object], lease: timedelta
) -> None:
    # Given a task whose time is over, while a worker has said something and no coordinator is there
    job_id, _ = await claimed(rig, task, lease)
    async with rig.broker.consume(COMPLETIONS, prefetch=1):
        pass  # its queue exists
    said = encode(Reports(node_id="n1", lease_seconds=30))
    await rig.broker.publish([Outgoing(COMPLETIONS, said, "1")])
    loops, workers = task_loops(rig), lost_workers(rig)

    async def state_after(loops: TaskLoops, workers: LostWorkers) -> str:
        await asyncio.sleep(0.002)  # the time-out of the one task
        await loops.end_timed_out_tasks()
        await workers.expire_leases()
        [row, *_] = await rig.tasks(job_id)
        return str(row["state"])

    # I expect that it is left alone until that is read, and a moment longer
    assert await state_after(loops, workers) == "RUNNING"
    await rig.receive(COMPLETIONS)
    assert await state_after(loops, workers) == "RUNNING"
    # And that it ends later, as this scheduler knows of nothing unread
    assert await state_after(task_loops(rig), lost_workers(rig)) != "RUNNING"


async def test_no_lease_ends_before_heartbeats_have_flowed_for_a_while(rig: Rig) -> None:
    job_id, _ = await claimed(rig, TASK, OVERDUE)
    await lost_workers(rig, LivenessGuard(3600, lambda: 0.0)).expire_leases()
    [task] = await rig.tasks(job_id)
    assert task["state"] == "RUNNING"


async def test_waiting_tasks_whose_queue_is_empty_are_all_sent_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due, "WAITING", due.WAITING.replace(f"LIMIT {due.LIMIT}", "LIMIT 2"))
    for _ in range(5):
        await rig.submit([TASK])
    await rig.receive("default", 5)  # their messages are gone
    await task_loops(rig, resend_after_seconds=0.001).resend_missing()
    messages = await rig.receive("default", 5)
    assert len({m.task_id for m in messages if isinstance(m, RunTask)}) == 5


async def test_a_waiting_task_whose_queue_is_not_empty_is_left_alone(rig: Rig) -> None:
    await rig.submit([TASK])
    await rig.batcher.outbox.close()
    await task_loops(rig, resend_after_seconds=0.001).resend_missing()
    assert await waiting_messages(rig) == 1


async def test_after_the_broker_lost_all_messages_every_waiting_task_is_sent_again(
    rig: Rig,
) -> None:
    # Given a task from before, and one submitted while the services start
    await rig.submit([TASK])
    await rig.receive("default")
    await rig.submit([TASK])
    await rig.batcher.outbox.close()
    await task_loops(rig).resend_all()
    await rig.batcher.outbox.close()
    # A second copy of the later one does no harm: it is claimed once
    assert await waiting_messages(rig) == 3


async def waiting_messages(rig: Rig) -> int:
    stats = await rig.broker.queue_stats("default")
    assert stats is not None
    return stats.size


async def test_no_worker_is_lost_soon_after_the_database_was_away(rig: Rig) -> None:
    now = [0.0]
    liveness = LivenessGuard(3, lambda: now[0])
    now[0] = 4.0
    assert liveness.may_declare_lost()
    workers = lost_workers(rig, liveness)
    await rig.pool.close()
    with pytest.raises(DatabaseUnavailable):
        await workers.expire_leases()
    assert not liveness.may_declare_lost()


def due_watch(rig: Rig) -> DueWatch:
    return DueWatch(rig.pool, rig.broker, no_grace(), ScheduleSettings(timeout_grace_seconds=0.001))


async def kinds_due(rig: Rig) -> set[str]:
    watch = due_watch(rig)
    await watch.look_for_what_is_due()
    return {kind for kind, event in watch.events.items() if event.is_set()}


async def test_no_round_is_woken_while_a_task_runs_and_its_worker_is_heard(rig: Rig) -> None:
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    await claimed(rig, {**TASK, "timeout": "1h"})
    assert await kinds_due(rig) == set()


async def test_a_round_is_woken_when_there_is_something_for_it_to_do(rig: Rig) -> None:
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    # Given a retry that is due before the next look
    retry = {"limit": 1, "initialDelay": "500ms"}
    job_id, task_id = await claimed(rig, {**TASK, "retry": retry})
    await rig.happen(TaskFailed(job_id, task_id, 1, "n1", "boom"))
    assert await kinds_due(rig) == {"retries"}
    await rig.pool.execute("DELETE FROM jobs")
    # Given a lease that is about to run out
    await claimed(rig, TASK, LEASE / 4)
    assert await kinds_due(rig) == {"leases"}
    await rig.pool.execute("DELETE FROM jobs")
    # Given a worker that is silent
    await rig.pool.execute("UPDATE nodes SET last_heartbeat_at = now() - interval '31 s'")
    assert await kinds_due(rig) == {"leases"}
    await rig.pool.execute("DELETE FROM nodes")
    # Given a task that is over its time-out
    await claimed(rig, {**TASK, "timeout": "1ms"})
    assert await kinds_due(rig) == {"timeouts"}


async def test_no_worker_is_lost_soon_after_a_look_that_the_database_did_not_answer(
    rig: Rig,
) -> None:
    now = [0.0]
    liveness = LivenessGuard(3, lambda: now[0])
    now[0] = 4.0
    watch = DueWatch(rig.pool, rig.broker, liveness, ScheduleSettings())
    await rig.pool.close()
    with pytest.raises(DatabaseUnavailable):
        await watch.look_for_what_is_due()
    assert not liveness.may_declare_lost()


async def test_a_heartbeat_that_can_not_be_kept_keeps_no_dead_workers_tasks_from_others(
    rig: Rig,
) -> None:
    # Given a scheduler that hears a worker, and one whose heartbeats no column holds
    now = [0.0]
    liveness = LivenessGuard(30, lambda: now[0])
    beats = Heartbeats(rig.batcher.outbox, rig.pool, liveness)
    broken = heartbeat().model_copy(update={"port": 2**40})
    # When both go on for a while
    for _ in range(30):
        now[0] += 1
        assert await beats.on_heartbeats([heartbeat()]) == [None]
        with pytest.raises(asyncpg.DataError):
            await beats.on_heartbeats([broken])
        liveness.may_declare_lost()
    # Then the silence of a third means something
    assert liveness.may_declare_lost()
    # But nothing does when nobody's can be taken in
    for _ in range(11):
        now[0] += 1
        with pytest.raises(asyncpg.DataError):
            await beats.on_heartbeats([broken])
    assert not liveness.may_declare_lost()


def heartbeat(*tasks: TaskRef, leaving: bool = False) -> Heartbeat:
    return Heartbeat(
        node_id="n1",
        name="one",
        hostname="host",
        port=8004,
        version="0.1.0",
        started_at=started_now(),
        cpu_percent=1.5,
        queue="default:4",
        lease_seconds=30,
        leaving=leaving,
        tasks=list(tasks),
    )


GONE = heartbeat(leaving=True).model_copy(update={"node_id": "gone"})


async def test_a_worker_is_recorded_and_its_leases_renewed(rig: Rig) -> None:
    job_id, task_id = await claimed(rig, TASK, OVERDUE)
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    ref = TaskRef(job_id=job_id, task_id=task_id, dispatch=1)
    assert await beats.on_heartbeats([heartbeat(ref), heartbeat(ref)]) == [None, None]
    await lost_workers(rig).expire_leases()
    [task] = await rig.tasks(job_id)
    assert task["state"] == "RUNNING"
    node = await rig.pool.fetchrow("SELECT * FROM nodes")
    assert (node["status"], node["task_count"]) == ("UP", 1)


async def test_a_worker_is_told_which_of_the_strangers_it_found_are_gone(rig: Rig) -> None:
    # Given a worker that is up and one that has left
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    alive = heartbeat().model_copy(update={"node_id": "alive"})
    await beats.on_heartbeats([alive, GONE])
    # When another asks of these, and of one that is of another system on the same engine
    asking = heartbeat().model_copy(update={"unknown_nodes": ["alive", "gone", "of others"]})
    async with rig.broker.consume(node_queue("n1"), prefetch=1):
        pass  # its queue exists
    await beats.on_heartbeats([asking])
    # Then it may remove what the one that has left made, and nothing else
    [orders] = await rig.receive(node_queue("n1"))
    assert isinstance(orders, Orders)
    assert orders.abandoned == ["gone"]


async def test_a_silent_worker_with_a_lease_that_lasts_is_not_gone(rig: Rig) -> None:
    # Given a worker that is taken for silent, and runs a task all the same
    await claimed(rig, TASK)
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    await beats.on_heartbeats([heartbeat(leaving=True), GONE])
    # When another asks whether it may remove what it found of it, and of one that is gone
    asking = heartbeat().model_copy(update={"node_id": "n2", "unknown_nodes": ["n1", "gone"]})
    async with rig.broker.consume(node_queue("n2"), prefetch=1):
        pass  # its queue exists
    await beats.on_heartbeats([asking])
    # Then it may remove the latter's alone
    [orders] = await rig.receive(node_queue("n2"))
    assert isinstance(orders, Orders)
    assert orders.abandoned == ["gone"]


async def test_a_worker_that_says_goodbye_is_offline(rig: Rig) -> None:
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    await beats.on_heartbeats([heartbeat(), heartbeat(leaving=True)])
    assert await rig.pool.fetchval("SELECT status FROM nodes") == "OFFLINE"


async def test_a_silent_worker_is_offline_after_its_lease(rig: Rig) -> None:
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    await rig.pool.execute("UPDATE nodes SET last_heartbeat_at = now() - interval '31 s'")
    await lost_workers(rig).expire_leases()
    assert await rig.pool.fetchval("SELECT status FROM nodes") == "OFFLINE"


async def test_a_completed_job_is_deleted_at_its_time_with_all_that_is_its(rig: Rig) -> None:
    job_id = await rig.submit([TASK])
    await rig.run_current(job_id)
    await rig.pool.execute("UPDATE jobs SET delete_at = now() - interval '1 s'")
    await Retention(rig.pool, RetentionSettings()).delete_expired()
    for table in ("jobs", "job_tasks", "tasks", "job_events"):
        assert await rig.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_ended_jobs_and_log_parts_are_kept_for_their_time_and_no_longer(rig: Rig) -> None:
    old, active = await rig.submit([TASK]), await rig.submit([TASK])
    await rig.run_current(old)
    await rig.pool.execute("UPDATE jobs SET created_at = now() - interval '366 days'")
    await rig.pool.execute(
        "INSERT INTO task_log_parts SELECT id, n, job_id, 'x', now() - make_interval(days => n * 6)"
        " FROM tasks, generate_series(1, 2) n WHERE job_id = $1",
        active,
    )
    await Retention(rig.pool, RetentionSettings()).delete_old()
    assert [row["id"] for row in await rig.pool.fetch("SELECT id FROM jobs")] == [active]
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
