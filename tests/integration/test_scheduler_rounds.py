"""The scheduler's rounds: what happens when time has passed, on a real database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta

import pytest
import structlog

from services.coordinator.handlers import on_completions
from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from services.scheduler.loops import DueWatch, TaskLoops
from services.scheduler.lost_workers import LostWorkers
from services.scheduler.settings import ScheduleSettings
from services.scheduler.store import due
from shared.broker.protocol import Outgoing
from shared.lifecycle import TaskFailed
from shared.messages import Orders, Reports, RunTask, StillHeld, TaskRef, encode
from shared.messages.queues import COMPLETIONS, node_queue
from shared.postgres.errors import DatabaseUnavailable
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
from tests.support.services.scheduler import (
    OVERDUE,
    TASK,
    claimed,
    heartbeat,
    lost_workers,
    no_grace,
    task_loops,
)


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


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


async def test_a_task_past_its_timeout_has_the_grace_that_it_names(rig: Rig) -> None:
    in_grace, _ = await claimed(rig, {**TASK, "timeout": "1ms", "gracePeriod": "1h"})
    over, _ = await claimed(rig, {**TASK, "timeout": "1ms", "gracePeriod": "1ms"})
    loops = task_loops(rig)
    while (await rig.job(over))["state"] != "FAILED":
        await loops.end_timed_out_tasks()
    assert (await rig.job(in_grace))["state"] == "RUNNING"


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
    async with rig.broker.consume(node_queue("n1"), prefetch=1):
        pass  # its queue exists
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    # When lost workers are looked for
    await lost_workers(rig).expire_leases()
    # Then the task stays with the worker, which is asked about it
    [_, orders] = await rig.receive(node_queue("n1"), 2)  # after its welcome
    assert isinstance(orders, Orders)
    assert orders.status_queries == [TaskRef(job_id=job_id, task_id=task_id, dispatch=1)]
    [task] = await rig.tasks(job_id)
    assert (task["state"], task["dispatch"]) == ("RUNNING", 1)


async def test_a_worker_is_asked_before_its_lease_runs_out_and_its_answer_renews_it(
    rig: Rig,
) -> None:
    # Given a worker whose heartbeats don't arrive, and whose lease lasts for another moment
    job_id, task_id = await claimed(rig, TASK, LEASE / 4)
    async with rig.broker.consume(node_queue("n1"), prefetch=1):
        pass  # its queue exists
    await Heartbeats(rig.batcher.outbox, rig.pool, no_grace()).on_heartbeats([heartbeat()])
    ref = TaskRef(job_id=job_id, task_id=task_id, dispatch=1)
    # When it is asked, and says that it has the task in hand
    await lost_workers(rig).expire_leases()
    [_, orders] = await rig.receive(node_queue("n1"), 2)  # after its welcome
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
    await claimed(rig, {**TASK, "timeout": "1h"})
    await rig.pool.execute("UPDATE tasks SET deadline_at = now() - interval '1 s'")
    assert await kinds_due(rig) == {"timeouts"}
    await rig.pool.execute("DELETE FROM jobs")
    # Given a message whose sender has died
    await rig.pool.execute(
        "INSERT INTO outbox (queue, message_id, priority, body, claimed_until)"
        " VALUES ('default', 'm', 0, '', now() - interval '1 ms')"
    )
    assert await kinds_due(rig) == {"messages"}


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
