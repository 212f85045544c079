"""What the scheduler records of workers by their heartbeats, and for how long."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from shared.messages import Orders, TaskRef
from shared.messages.queues import node_queue
from tests.support.jobs.batcher import Rig, batcher_rig
from tests.support.services.scheduler import (
    GONE,
    OVERDUE,
    TASK,
    claimed,
    heartbeat,
    lost_workers,
    no_grace,
)


@pytest.fixture
async def rig(postgres_dsn: str) -> AsyncIterator[Rig]:
    async with batcher_rig(postgres_dsn) as rig:
        yield rig


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
