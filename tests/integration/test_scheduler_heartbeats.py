"""What the scheduler records of workers by their heartbeats, and for how long."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from services.coordinator.store import one_job
from services.coordinator.store.task_list import Asked, tasks_of
from services.coordinator.store.timeline import timeline
from services.scheduler.heartbeats import Heartbeats
from services.scheduler.liveness import LivenessGuard
from services.scheduler.store import nodes
from shared.lifecycle import TaskClaimed, TaskReturned
from shared.messages import (
    Gpu,
    Heartbeat,
    Message,
    NodeDescription,
    Orders,
    PlacementDue,
    TaskRef,
    decode,
)
from shared.messages.queues import node_queue
from shared.postgres.pool import Connection, acquired
from shared.store.outbox import OutboxRow
from tests.support.jobs.batcher import LEASE, Rig, batcher_rig
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


async def test_the_phase_of_a_running_attempt_is_that_of_the_last_heartbeat(rig: Rig) -> None:
    # Given a task that runs
    job_id, task_id = await claimed(rig, TASK)
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    ref = TaskRef(job_id=job_id, task_id=task_id, dispatch=1)

    async def phases_shown() -> set[str | None]:
        async with acquired(rig.pool) as connection:
            task = await one_job.one_task(connection, task_id, None)
            rows = await tasks_of(connection, Asked(job_id=job_id, limit=1, offset=0))
            [attempt] = await timeline(connection, job_id)
        assert task
        assert rows
        return {task.row.phase, rows.rows[0].phase, attempt.phase}

    # When its worker tells its phase, another, or none, as one of the version before
    for phase in ("pull", "run", None):
        phases = {task_id: phase} if phase else {}
        await beats.on_heartbeats([heartbeat(ref).model_copy(update={"phases": phases})])
        # Then it is shown wherever the attempt is
        assert await phases_shown() == {phase}
    # And what was told of a dispatch that is lost is not shown of the next one
    await beats.on_heartbeats([heartbeat(ref).model_copy(update={"phases": {task_id: "keep"}})])
    await rig.happen(TaskReturned(job_id, task_id, 1, "n1"))
    await rig.happen(TaskClaimed(job_id, task_id, 2, "n2", LEASE))
    assert await phases_shown() == {None}


async def test_it_is_kept_when_a_worker_has_joined_left_and_was_lost(rig: Rig) -> None:
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    leaving = heartbeat().model_copy(update={"leaving": True})
    for told in (heartbeat(), heartbeat(), leaving, leaving, heartbeat()):
        await beats.on_heartbeats([told])
    await rig.pool.execute("UPDATE nodes SET last_heartbeat_at = now() - interval '1 hour'")
    for _ in range(2):
        await lost_workers(rig).expire_leases()
    await beats.on_heartbeats([heartbeat()])
    await lost_workers(rig).take_over([heartbeat().node_id])
    rows = await rig.pool.fetch("SELECT event FROM node_history ORDER BY seq")
    assert [row["event"] for row in rows] == ["joined", "left", *["joined", "lost"] * 2]


async def is_changed(connection: Connection, told: Heartbeat) -> bool:
    [heard] = await nodes.record(connection, [told])
    return heard.is_changed


async def test_a_worker_is_recorded_as_it_describes_itself_and_changes_are_noticed(
    rig: Rig,
) -> None:
    node = NodeDescription(
        labels={"region": "eu"},
        engines=["docker", "shell"],
        storages=["s3"],
        publishers=["s3", "ipfs"],
        capacity={"millicpus": 3200, "gpus": 1},
        max_executions=7,
        gpus=[Gpu(index="0", name="Tesla T4", memory=5)],
    )
    old = heartbeat()
    described = old.model_copy(update={"node": node})
    hold = {"held_until": datetime(2026, 1, 1, tzinfo=UTC), "hold_reason": "5 jobs failed"}
    held = described.model_copy(update=hold)
    cordoned = held.model_copy(update={"availability": "cordoned"})
    leaving = cordoned.model_copy(update={"leaving": True})
    async with rig.pool.acquire() as connection:
        # Given a worker of the version before, which says nothing of itself
        assert await is_changed(connection, old)
        row = await connection.fetchrow("SELECT * FROM nodes")
        assert (row["labels"], row["capacity"], row["max_executions"]) == ({}, {}, 0)
        assert not await is_changed(connection, old)
        # When it is upgraded, puts itself on hold, is told to take nothing, and leaves
        for changed in (described, held, cordoned, leaving):
            assert await is_changed(connection, changed)
            assert not await is_changed(connection, changed)
        # Then all that is in its row
        row = await connection.fetchrow("SELECT * FROM nodes")
    assert {name: row[name] for name in NodeDescription.model_fields} == node.model_dump()
    assert (row["availability"], row["status"]) == ("cordoned", "OFFLINE")
    assert {name: row[name] for name in hold} == hold


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


class Told:
    """What heartbeats are answered."""

    def __init__(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch, *, manual_approval: bool = False
    ) -> None:
        self.sent: list[Message] = []
        monkeypatch.setattr(rig.batcher.outbox, "send", self._send)
        self._beats = Heartbeats(
            rig.batcher.outbox, rig.pool, no_grace(), manual_approval=manual_approval
        )

    def _send(self, rows: Sequence[OutboxRow]) -> None:
        self.sent += [decode(row.message.body) for row in rows]

    async def after(self, *beats: Heartbeat) -> list[str | None]:
        """Which availability workers are told then."""
        self.sent.clear()
        await self._beats.on_heartbeats(beats)
        return [each.availability for each in self.sent if isinstance(each, Orders)]


async def set_policy(rig: Rig, name: str, **columns: str) -> None:
    for column, value in columns.items():
        await rig.pool.execute(
            f"INSERT INTO node_policies (name, {column}) VALUES ($1, $2)"
            f" ON CONFLICT (name) DO UPDATE SET {column} = $2",
            name,
            value,
        )


async def test_a_worker_is_told_whether_it_may_take_tasks_until_it_knows(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, beat = Told(rig, monkeypatch), heartbeat()
    # Given a worker of which nothing was said
    assert await told.after(beat) == ["active"]
    assert PlacementDue() in told.sent  # it may be the one that something waits for
    assert await told.after(beat) == []
    assert told.sent == []
    # When it is cordoned, it is told until it says that it knows
    await set_policy(rig, beat.name, availability="cordoned")
    for _ in range(2):
        assert await told.after(beat) == ["cordoned"]
    cordoned = beat.model_copy(update={"availability": "cordoned"})
    assert await told.after(cordoned) == []
    # And rejected, whatever else was said
    await set_policy(rig, beat.name, membership="REJECTED")
    assert await told.after(cordoned) == ["rejected"]
    # When one of the same name joins, the same holds for it
    await set_policy(rig, beat.name, membership="APPROVED")
    await rig.pool.execute("DELETE FROM nodes")
    assert await told.after(beat) == ["cordoned"]
    # One that leaves is told nothing: nobody reads it
    assert await told.after(beat.model_copy(update={"leaving": True})) == []


async def test_with_manual_approval_a_new_worker_waits_and_one_that_runs_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that was heard before approvals were wanted
    beat = heartbeat()
    before = beat.model_copy(update={"node_id": "before", "name": "before"})
    async with rig.pool.acquire() as connection:
        await nodes.record(connection, [before])
    # When it and a new one are heard
    told = Told(rig, monkeypatch, manual_approval=True)
    assert await told.after(before, beat) == ["rejected"]
    # Then the new one is to wait, also when it is heard again
    rows = await rig.pool.fetch("SELECT name, membership FROM node_policies")
    assert {row["name"]: row["membership"] for row in rows} == {
        "before": "APPROVED",
        beat.name: "PENDING",
    }
    assert await told.after(beat.model_copy(update={"availability": "rejected"})) == []


async def test_what_was_said_of_a_worker_outlives_it_and_what_nobody_said_does_not(
    rig: Rig,
) -> None:
    beats = Heartbeats(rig.batcher.outbox, rig.pool, no_grace())
    said = heartbeat().model_copy(update={"node_id": "said", "name": "said"})
    await beats.on_heartbeats([heartbeat(), said])
    await set_policy(rig, "said", changed_by="ann")
    for column in ("nodes SET last_heartbeat_at", "node_policies SET changed_at"):
        await rig.pool.execute(f"UPDATE {column} = now() - interval '1 year'")
    await rig.pool.execute("UPDATE nodes SET status = 'OFFLINE'")
    async with rig.pool.acquire() as connection:
        await nodes.forget(connection, timedelta(days=1))
    assert await rig.pool.fetch("SELECT name FROM nodes") == []
    assert [row["name"] for row in await rig.pool.fetch("SELECT * FROM node_policies")] == ["said"]
